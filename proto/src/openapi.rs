//! Schemas that no derive could write: names, ports, and what is read in more
//! than one form. The other wire types derive theirs.

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ArrayBuilder, ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema, Type,
        schema::{AdditionalProperties, SchemaType},
    },
};

use crate::{NAME_RULE, Port, PortRange, ProjectName, ServiceName, Ttl, get};

/// Messages as they go over the wire, by the name of their type and of their
/// file; the tests of the formats keep them true.
pub const EXAMPLES: &[(&str, &str, &str)] = &[
    ("GetRequest", "get_request_empty", include_str!("../tests/golden/get_request_empty.json")),
    ("GetRequest", "get_request_prefer", include_str!("../tests/golden/get_request_prefer.json")),
    ("GetRequest", "get_request_port", include_str!("../tests/golden/get_request_port.json")),
    ("GetRequest", "get_request_range", include_str!("../tests/golden/get_request_range.json")),
    ("GetRequest", "get_request_identify", include_str!("../tests/golden/get_request_identify.json")),
    ("GetRequest", "get_request_run", include_str!("../tests/golden/get_request_run.json")),
    ("BatchRequest", "batch_request", include_str!("../tests/golden/batch_request.json")),
    ("AnonymousRequest", "anonymous_request", include_str!("../tests/golden/anonymous_request.json")),
    ("RenewRequest", "renew_request_empty", include_str!("../tests/golden/renew_request_empty.json")),
    ("RenewRequest", "renew_request", include_str!("../tests/golden/renew_request.json")),
    ("ProjectLeases", "project_leases", include_str!("../tests/golden/project_leases.json")),
    (
        "ProjectLeases",
        "project_leases_identified",
        include_str!("../tests/golden/project_leases_identified.json"),
    ),
    ("BatchRequest", "batch_request_identify", include_str!("../tests/golden/batch_request_identify.json")),
    ("MvProjectRequest", "mv_project_request", include_str!("../tests/golden/mv_project_request.json")),
    ("MvLeaseRequest", "mv_lease_request", include_str!("../tests/golden/mv_lease_request.json")),
    ("Export", "export", include_str!("../tests/golden/export.json")),
    ("ImportReport", "import_report", include_str!("../tests/golden/import_report.json")),
    ("GcRequest", "gc_request", include_str!("../tests/golden/gc_request.json")),
    ("GcReport", "gc_report", include_str!("../tests/golden/gc_report.json")),
    ("Event", "event_granted", include_str!("../tests/golden/event_granted.json")),
    ("Event", "event_moved", include_str!("../tests/golden/event_moved.json")),
    ("Event", "event_taken", include_str!("../tests/golden/event_taken.json")),
    ("Event", "event_of_owner", include_str!("../tests/golden/event_of_owner.json")),
    ("Reset", "reset", include_str!("../tests/golden/reset.json")),
    ("Lease", "lease_reserved", include_str!("../tests/golden/lease_reserved.json")),
    ("Lease", "lease_bound", include_str!("../tests/golden/lease_bound.json")),
    ("Lease", "lease_moved", include_str!("../tests/golden/lease_moved.json")),
    ("Lease", "lease_taken", include_str!("../tests/golden/lease_taken.json")),
    ("Lease", "lease_owned", include_str!("../tests/golden/lease_owned.json")),
    ("Lease", "lease_explained", include_str!("../tests/golden/lease_explained.json")),
    ("Lease", "lease_identified", include_str!("../tests/golden/lease_identified.json")),
    ("Lease", "lease_run", include_str!("../tests/golden/lease_run.json")),
    ("Leases", "leases", include_str!("../tests/golden/leases.json")),
    ("PortReport", "port_free", include_str!("../tests/golden/port_free.json")),
    ("PortReport", "port_in_use", include_str!("../tests/golden/port_in_use.json")),
    ("Listeners", "ports", include_str!("../tests/golden/ports.json")),
    ("StopRequest", "stop_request", include_str!("../tests/golden/stop_request.json")),
    ("Stopped", "stopped", include_str!("../tests/golden/stopped.json")),
    ("Diagnosis", "diagnosis", include_str!("../tests/golden/diagnosis.json")),
    ("MachineDiagnosis", "machine_diagnosis", include_str!("../tests/golden/machine_diagnosis.json")),
    ("Configuration", "configuration", include_str!("../tests/golden/configuration.json")),
    ("Health", "health", include_str!("../tests/golden/health.json")),
    ("Ready", "ready", include_str!("../tests/golden/ready.json")),
    ("Endpoint", "endpoint", include_str!("../tests/golden/endpoint.json")),
    ("Problem", "problem_port_in_use", include_str!("../tests/golden/problem_port_in_use.json")),
    ("Problem", "problem_port_leased", include_str!("../tests/golden/problem_port_leased.json")),
];

/// [`NAME_RULE`] as a regular expression.
const NAME: &str = "[A-Za-z0-9][A-Za-z0-9._-]{0,62}";

fn text(pattern: &str, description: &str, example: &str) -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
    text.description(Some(description)).examples([example]).into()
}

impl PartialSchema for ProjectName {
    fn schema() -> RefOr<Schema> {
        let rule = format!(
            "A project: `NAME`, `NAME@CHECKOUT` for a second checkout of it, or `-`, where the anonymous leases live. A name is {NAME_RULE}."
        );
        text(&format!("^({NAME}(@{NAME})?|-)$"), &rule, "myapp")
    }
}

impl PartialSchema for ServiceName {
    fn schema() -> RefOr<Schema> {
        let rule =
            format!("A service inside a project: {NAME_RULE}. One without a name of its own is `default`.");
        text(&format!("^{NAME}$"), &rule, "web")
    }
}

impl PartialSchema for Port {
    fn schema() -> RefOr<Schema> {
        let port = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(65535));
        port.description(Some("A port, TCP or UDP.")).examples([26031]).into()
    }
}

impl PartialSchema for PortRange {
    fn schema() -> RefOr<Schema> {
        let rule = "Two ports with a hyphen between them, both included, the first not above the last.";
        text("^[0-9]+-[0-9]+$", rule, "4000-4099")
    }
}

macro_rules! named {
    ($($name:ident),*) => {
        $(impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        })*
    };
}

impl PartialSchema for Ttl {
    fn schema() -> RefOr<Schema> {
        let ttl = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(Ttl::MOST));
        ttl.description(Some("Whole seconds, from 1 to a year.")).examples([600]).into()
    }
}

named!(ProjectName, ServiceName, Port, PortRange, Ttl);

/// One port or a list of them.
pub(crate) fn prefer() -> impl Into<RefOr<Schema>> {
    let port = || Ref::from_schema_name(Port::name());
    let list = ArrayBuilder::new().items(port()).max_items(Some(crate::MAX_PREFERRED));
    let description = "These ports in order, then the pool. One port or a list.";
    OneOfBuilder::new().item(port()).item(list).description(Some(description))
}

/// Labels: text by text.
pub(crate) fn labels() -> impl Into<RefOr<Schema>> {
    let text = ObjectBuilder::new().schema_type(Type::String).max_length(Some(get::MAX_LABEL));
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
        .additional_properties(Some(AdditionalProperties::RefOr(text.into())))
        .max_properties(Some(crate::MAX_LABELS))
        .description(Some("Text to keep beside the lease: names and values of at most 256 bytes each."))
}

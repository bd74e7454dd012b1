//! The formats on the wire, pinned: each file in `golden/` is one message,
//! byte for byte as we write it. A change that breaks a file here breaks
//! clients and scripts that are out there.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fs, path::PathBuf};

use portlease_proto::{
    AnonymousRequest, Auth, BatchRequest, BusyReason, CheckStatus, Configuration, Diagnosis, Endpoint,
    ErrorCode, Event, Export, GcReport, GcRequest, GetRequest, Health, ImportReport, Lease, LeaseState,
    Leases, Listeners, MachineDiagnosis, MvLeaseRequest, MvProjectRequest, PortReport, Problem,
    ProjectLeases, Ready, RenewRequest, Reset, SkipReason, SocketState, StopRequest, Stopped, Transport,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

type RoundTrip = fn(&str) -> String;

const FILES: &[(&str, RoundTrip)] = &[
    ("anonymous_request", again::<AnonymousRequest>),
    ("batch_request", again::<BatchRequest>),
    ("batch_request_identify", again::<BatchRequest>),
    ("configuration", again::<Configuration>),
    ("diagnosis", again::<Diagnosis>),
    ("endpoint", again::<Endpoint>),
    ("endpoint_unix_alone", again::<Endpoint>),
    ("event_granted", again::<Event>),
    ("event_of_owner", again::<Event>),
    ("event_moved", again::<Event>),
    ("event_taken", again::<Event>),
    ("export", again::<Export>),
    ("gc_report", again::<GcReport>),
    ("gc_request", again::<GcRequest>),
    ("get_request_empty", again::<GetRequest>),
    ("get_request_full", again::<GetRequest>),
    ("get_request_identify", again::<GetRequest>),
    ("get_request_port", again::<GetRequest>),
    ("get_request_prefer", again::<GetRequest>),
    ("get_request_range", again::<GetRequest>),
    ("get_request_run", again::<GetRequest>),
    ("health", again::<Health>),
    ("health_elsewhere", again::<Health>),
    ("lease_bound", again::<Lease>),
    ("lease_explained", again::<Lease>),
    ("lease_identified", again::<Lease>),
    ("lease_moved", again::<Lease>),
    ("lease_owned", again::<Lease>),
    ("lease_outlived", again::<Lease>),
    ("lease_reserved", again::<Lease>),
    ("lease_run", again::<Lease>),
    ("lease_stale", again::<Lease>),
    ("lease_taken", again::<Lease>),
    ("import_report", again::<ImportReport>),
    ("leases", again::<Leases>),
    ("leases_none", again::<Leases>),
    ("mv_lease_request", again::<MvLeaseRequest>),
    ("mv_project_request", again::<MvProjectRequest>),
    ("port_free", again::<PortReport>),
    ("port_in_use", again::<PortReport>),
    ("machine_diagnosis", again::<MachineDiagnosis>),
    ("ports", again::<Listeners>),
    ("problem_invalid_name", again::<Problem>),
    ("problem_not_found", again::<Problem>),
    ("problem_port_in_use", again::<Problem>),
    ("problem_port_leased", again::<Problem>),
    ("problem_token_required", again::<Problem>),
    ("project_leases", again::<ProjectLeases>),
    ("project_leases_identified", again::<ProjectLeases>),
    ("ready", again::<Ready>),
    ("renew_request", again::<RenewRequest>),
    ("renew_request_empty", again::<RenewRequest>),
    ("reset", again::<Reset>),
    ("stop_request", again::<StopRequest>),
    ("stopped", again::<Stopped>),
];

/// Every code and its word. The words are stable: programs compare them.
const CODES: &[(ErrorCode, &str)] = &[
    (ErrorCode::InvalidName, "invalid_name"),
    (ErrorCode::InvalidRequest, "invalid_request"),
    (ErrorCode::PortInUse, "port_in_use"),
    (ErrorCode::PortLeased, "port_leased"),
    (ErrorCode::PortCooling, "port_cooling"),
    (ErrorCode::PortExcluded, "port_excluded"),
    (ErrorCode::PortPrivileged, "port_privileged"),
    (ErrorCode::PoolExhausted, "pool_exhausted"),
    (ErrorCode::NoSuchLease, "no_such_lease"),
    (ErrorCode::LeaseDiffers, "lease_differs"),
    (ErrorCode::LimitReached, "limit_reached"),
    (ErrorCode::WrongUser, "wrong_user"),
    (ErrorCode::TokenRequired, "token_required"),
    (ErrorCode::ForbiddenHost, "forbidden_host"),
    (ErrorCode::ForbiddenOrigin, "forbidden_origin"),
    (ErrorCode::StaleRequest, "stale_request"),
    (ErrorCode::ProcessOfAnotherUser, "process_of_another_user"),
    (ErrorCode::ProcessOfContainer, "process_of_container"),
    (ErrorCode::ProcessProtected, "process_protected"),
    (ErrorCode::StoreUnavailable, "store_unavailable"),
    (ErrorCode::SocketTableUnavailable, "socket_table_unavailable"),
    (ErrorCode::NotFound, "not_found"),
    (ErrorCode::MethodNotAllowed, "method_not_allowed"),
    (ErrorCode::UnsupportedMediaType, "unsupported_media_type"),
    (ErrorCode::BodyTooLarge, "body_too_large"),
    (ErrorCode::RequestTimeout, "request_timeout"),
    (ErrorCode::Internal, "internal"),
    (ErrorCode::Unknown, "unknown"),
];

/// Text to type to text.
fn again<T: Serialize + DeserializeOwned>(text: &str) -> String {
    let value: T = serde_json::from_str(text).expect("the message is understood");
    let value_again = serde_json::to_value(&value).unwrap();
    assert_eq!(value_again, serde_json::from_str::<Value>(text).unwrap());
    serde_json::to_string_pretty(&value).unwrap() + "\n"
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn text(name: &str) -> String {
    fs::read_to_string(directory().join(name).with_extension("json")).expect(name)
}

fn value(name: &str) -> Value {
    serde_json::from_str(&text(name)).expect(name)
}

/// `value` with a field that this version does not know.
fn from_the_future(mut value: Value) -> Value {
    value.as_object_mut().unwrap().insert("from_the_future".to_owned(), json!({"a": [1]}));
    value
}

#[test]
fn each_message_comes_back_byte_for_byte() {
    for (name, round_trip) in FILES {
        assert_eq!(round_trip(&text(name)), text(name), "{name}");
    }
}

#[test]
fn each_file_is_read_by_the_test() {
    let named: BTreeSet<String> = FILES.iter().map(|(name, _)| format!("{name}.json")).collect();
    let entries = fs::read_dir(directory()).unwrap();
    let there = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(named, there);
}

#[test]
fn each_code_has_its_word() {
    for (code, word) in CODES {
        assert_eq!(serde_json::to_value(code).unwrap(), *word);
        assert_eq!(serde_json::from_value::<ErrorCode>(json!(word)).unwrap(), *code);
    }
    let words: BTreeSet<&str> = CODES.iter().map(|(_, word)| *word).collect();
    assert_eq!(words.len(), CODES.len());
}

/// A new code does not build here until the table above has its word.
#[test]
fn the_table_of_codes_is_whole() {
    for (code, word) in CODES {
        let listed = match code {
            ErrorCode::InvalidName
            | ErrorCode::InvalidRequest
            | ErrorCode::PortInUse
            | ErrorCode::PortLeased
            | ErrorCode::PortCooling
            | ErrorCode::PortExcluded
            | ErrorCode::PortPrivileged
            | ErrorCode::PoolExhausted
            | ErrorCode::NoSuchLease
            | ErrorCode::LeaseDiffers
            | ErrorCode::LimitReached
            | ErrorCode::WrongUser
            | ErrorCode::TokenRequired
            | ErrorCode::ForbiddenHost
            | ErrorCode::ForbiddenOrigin
            | ErrorCode::StaleRequest
            | ErrorCode::ProcessOfAnotherUser
            | ErrorCode::ProcessOfContainer
            | ErrorCode::ProcessProtected
            | ErrorCode::StoreUnavailable
            | ErrorCode::SocketTableUnavailable
            | ErrorCode::NotFound
            | ErrorCode::MethodNotAllowed
            | ErrorCode::UnsupportedMediaType
            | ErrorCode::BodyTooLarge
            | ErrorCode::RequestTimeout
            | ErrorCode::Internal
            | ErrorCode::Unknown => 28,
        };
        assert_eq!(CODES.len(), listed, "{word}");
    }
}

#[test]
fn a_client_lives_with_a_code_that_it_does_not_know() {
    let mut problem = value("problem_not_found");
    problem["code"] = json!("port_on_fire");
    let problem: Problem = serde_json::from_value(problem).unwrap();
    assert_eq!(problem.code, ErrorCode::Unknown);
    assert_eq!(problem.to_string(), "no resource /v2");
}

#[test]
fn the_endpoint_of_an_older_daemon_asks_for_no_token() {
    let mut endpoint = value("endpoint");
    endpoint.as_object_mut().unwrap().remove("auth");
    assert_eq!(serde_json::from_value::<Endpoint>(endpoint.clone()).unwrap().auth, Auth::User);
    endpoint["auth"] = json!("handshake");
    assert_eq!(serde_json::from_value::<Endpoint>(endpoint).unwrap().auth, Auth::Unknown);
}

#[test]
fn a_client_lives_with_words_that_it_does_not_know() {
    let mut lease = value("lease_explained");
    lease["state"] = json!("on_fire");
    lease["explain"]["skipped"][0]["reason"] = json!("haunted");
    let lease: Lease = serde_json::from_value(lease).unwrap();
    assert_eq!(lease.state, LeaseState::Unknown);
    assert_eq!(lease.explain.unwrap().skipped[0].reason, SkipReason::Unknown);
    let mut diagnosis = value("diagnosis");
    diagnosis["checks"][0]["status"] = json!("haunted");
    let diagnosis: Diagnosis = serde_json::from_value(diagnosis).unwrap();
    assert_eq!((diagnosis.checks[0].status, diagnosis.failed()), (CheckStatus::Unknown, 1));
    let mut port = value("port_in_use");
    port["reason"] = json!("haunted");
    port["sockets"][0]["state"] = json!("asleep");
    port["sockets"][0]["transport"] = json!("sctp");
    let port: PortReport = serde_json::from_value(port).unwrap();
    assert_eq!(port.reason, Some(BusyReason::Unknown));
    assert_eq!(
        (port.sockets[0].state, port.sockets[0].transport),
        (SocketState::Unknown, Transport::Unknown)
    );
}

#[test]
fn a_client_lives_with_fields_that_it_does_not_know() {
    for name in ["lease_reserved", "lease_bound", "lease_explained"] {
        let lease: Lease = serde_json::from_value(from_the_future(value(name))).unwrap();
        assert_eq!(serde_json::to_value(lease).unwrap(), value(name));
    }
    let mut inside = value("lease_bound");
    inside["holder"] = from_the_future(inside["holder"].take());
    assert!(serde_json::from_value::<Lease>(inside).is_ok());
    assert!(serde_json::from_value::<Leases>(from_the_future(value("leases"))).is_ok());
    assert!(serde_json::from_value::<Problem>(from_the_future(value("problem_port_leased"))).is_ok());
    assert!(serde_json::from_value::<PortReport>(from_the_future(value("port_in_use"))).is_ok());
    assert!(serde_json::from_value::<Listeners>(from_the_future(value("ports"))).is_ok());
    assert!(serde_json::from_value::<Health>(from_the_future(value("health"))).is_ok());
    assert!(serde_json::from_value::<Endpoint>(from_the_future(value("endpoint"))).is_ok());
}

/// The daemon must not grant something else than what was asked for.
#[test]
fn the_daemon_refuses_a_field_that_it_does_not_know() {
    let error = serde_json::from_value::<GetRequest>(from_the_future(json!({}))).unwrap_err();
    assert!(error.to_string().contains("unknown field `from_the_future`"), "{error}");
    let error = serde_json::from_value::<StopRequest>(from_the_future(value("stop_request"))).unwrap_err();
    assert!(error.to_string().contains("unknown field `from_the_future`"), "{error}");
}

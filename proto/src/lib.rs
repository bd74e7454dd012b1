//! What portlease's daemon and its clients say to each other: names, ports,
//! wire types and error codes. No I/O, no clock, no environment.

mod batch;
mod configuration;
mod diagnosis;
mod distinct;
mod error;
mod event;
mod export;
mod gc;
mod get;
mod health;
mod identify;
mod lease;
mod mv;
mod name;
mod natural;
#[cfg(feature = "openapi")]
pub mod openapi;
mod owner;
mod paths;
mod port;
mod ports;
mod protocol;
mod stop;
mod text;
mod ttl;

pub use batch::{AnonymousRequest, BatchRequest, MAX_BATCH, ProjectLeases, RenewRequest};
pub use configuration::{Configuration, Origin, Setting, SettingValue};
pub use diagnosis::{Check, CheckStatus, Diagnosis, MachineDiagnosis};
pub use error::{ErrorCode, Problem};
pub use event::{Event, EventKind, Reset};
pub use export::{Export, ExportedLease, ImportReport, Imported, Outcome};
pub use gc::{GcReport, GcRequest, Waiting};
pub use get::{GetRequest, MAX_LABELS, MAX_PREFERRED};
pub use health::{Auth, Endpoint, Health, Ready};
pub use identify::{Identified, Identify};
pub use lease::{Change, Explanation, Holder, Lease, LeaseState, Leases, SkipReason, Skipped};
pub use mv::{MvLeaseRequest, MvProjectRequest};
pub use name::{InvalidName, NAME_RULE, ProjectName, ServiceName};
pub use owner::LeaseOwner;
pub use paths::{BaseDirs, Paths};
pub use port::{InvalidPort, Port, PortRange};
pub use ports::{
    BusyReason, Listener, Listeners, Parent, PortHolder, PortReport, Queue, Socket, SocketState, Transport,
    Unit,
};
pub use protocol::Protocol;
pub use stop::{StopRequest, StopSignal, Stopped};
pub use text::escape;
pub use ttl::{InvalidTtl, Ttl};

/// The TCP port of the HTTP API on 127.0.0.1 and `[::1]`.
pub const API_PORT: Port = Port::constant(62893);

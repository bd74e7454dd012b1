//! What portlease's daemon and its clients say to each other: names, ports,
//! wire types and error codes. No I/O, no clock, no environment.

mod error;
mod get;
mod health;
mod lease;
mod name;
mod paths;
mod port;
mod protocol;
mod text;

pub use error::{ErrorCode, Problem};
pub use get::{GetRequest, MAX_LABELS, MAX_PREFERRED};
pub use health::{Endpoint, Health};
pub use lease::{Change, Explanation, Holder, Lease, LeaseState, Leases, SkipReason, Skipped};
pub use name::{InvalidName, NAME_RULE, ProjectName, ServiceName};
pub use paths::{BaseDirs, Paths};
pub use port::{InvalidPort, Port, PortRange};
pub use protocol::Protocol;
pub use text::escape;

/// The TCP port of the HTTP API on 127.0.0.1 and `[::1]`.
pub const API_PORT: Port = Port::constant(62893);

//! Errors on the wire: problem+json (RFC 9457) with a stable code.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Explanation, Holder, Lease};

/// What went wrong, for programs. The words are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// A project or service name breaks the rule of names.
    InvalidName,
    /// The request is not understood, or its parts do not go together.
    InvalidRequest,
    /// A socket is on the wanted port.
    PortInUse,
    /// Another lease, or another daemon on this machine, has the wanted port.
    PortLeased,
    /// The wanted port was released by another project less than a minute ago.
    PortCooling,
    /// The wanted port is never given unless forced.
    PortExcluded,
    /// This user may not bind the wanted port.
    PortPrivileged,
    /// No port of the pool, or of the range, is to be had.
    PoolExhausted,
    /// No lease under that name.
    NoSuchLease,
    /// The lease exists and contradicts the request.
    LeaseDiffers,
    /// A limit on leases, connections or open files is reached.
    LimitReached,
    /// The other end of the connection is not this user.
    WrongUser,
    /// Over TCP the token is needed, and was not sent or is not the one.
    TokenRequired,
    /// The Host header does not name this API.
    ForbiddenHost,
    /// A web page of another origin asks.
    ForbiddenOrigin,
    /// What the request speaks of is no longer so.
    StaleRequest,
    /// The process to be stopped belongs to another user.
    ProcessOfAnotherUser,
    /// The process to be stopped keeps a port for a container.
    ProcessOfContainer,
    /// The process to be stopped is the daemon, one that the daemon runs
    /// under, or the machine's first.
    ProcessProtected,
    /// The registry cannot be saved at the moment.
    StoreUnavailable,
    /// The machine's sockets cannot be read at the moment.
    SocketTableUnavailable,
    /// No such path.
    NotFound,
    /// The path exists, not with this method.
    MethodNotAllowed,
    /// The body is not `application/json`.
    UnsupportedMediaType,
    /// The body is larger than the API takes.
    BodyTooLarge,
    /// The body did not arrive in time.
    RequestTimeout,
    /// A fault inside the daemon.
    Internal,
    /// A code that this version does not know.
    #[serde(other)]
    Unknown,
}

/// The body of every error answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// A URN made of the code.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(format = "uri"))]
    pub kind: String,
    /// The status line's words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened, in words.
    pub detail: String,
    /// What happened, for programs.
    pub code: ErrorCode,
    /// What a person can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub hint: Option<String>,
    /// The process in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub holder: Option<Holder>,
    /// What was skipped and why, when the request asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub explain: Option<Box<Explanation>>,
    /// The lease in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub lease: Option<Box<Lease>>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}

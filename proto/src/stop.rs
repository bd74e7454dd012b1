//! Stopping the process on a port.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Port;

/// The body of `POST /v1/ports/{port}/stop`: what the caller has seen on the
/// port. If it is no longer so, nobody is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StopRequest {
    /// The process.
    pub pid: u32,
    /// A socket on the port that it has open, by its number.
    pub inode: u64,
    /// How it is told.
    #[serde(default)]
    pub signal: StopSignal,
}

/// How a process is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum StopSignal {
    /// SIGTERM: it may put its things in order first, and it may refuse.
    #[default]
    Term,
    /// SIGKILL: it ends at once.
    Kill,
}

impl fmt::Display for StopSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Term => "SIGTERM",
            Self::Kill => "SIGKILL",
        })
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stopped {
    /// The port.
    pub port: Port,
    /// The process that was told to end.
    pub pid: u32,
    /// How.
    pub signal: StopSignal,
    /// Whether it has ended; it is waited for some seconds.
    pub ended: bool,
    /// Whether a server could bind the port now.
    pub free: bool,
}

//! The process that a lease lives and dies with, as the API shows it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A lease's owner, or what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LeaseOwner {
    /// Its process id; none when it has ended and the lease lives on.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub pid: Option<u32>,
    /// Its command line when it asked; none if that could not be read.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub command: Option<String>,
}

impl fmt::Display for LeaseOwner {
    /// `python3 -m pytest (pid 12)`, as given: escape it before it reaches a
    /// terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.command, self.pid) {
            (Some(command), Some(pid)) => write!(f, "{command} (pid {pid})"),
            (Some(command), None) => write!(f, "{command} (ended)"),
            (None, Some(pid)) => write!(f, "pid {pid}"),
            (None, None) => f.write_str("a process that has ended"),
        }
    }
}

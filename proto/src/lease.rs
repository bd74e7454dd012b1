//! A lease as the API shows it, and what belongs to it.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{Identified, LeaseOwner, Port, ProjectName, Protocol, ServiceName};

/// (project, service) → port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Lease {
    /// What stays the same when the lease moves to another port.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{32}$"))]
    pub id: String,
    /// Whose lease it is.
    pub project: ProjectName,
    /// The service inside the project.
    pub service: ServiceName,
    /// The port.
    pub port: Port,
    /// Where the port is kept free: TCP, UDP or both.
    pub protocol: Protocol,
    /// Where the service is reached on this machine.
    #[cfg_attr(feature = "openapi", schema(format = "uri"))]
    pub url: String,
    /// What is on the port now.
    pub state: LeaseState,
    /// The process on the port, if there is one.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub holder: Option<Holder>,
    /// What the caller wrote beside the lease.
    pub labels: BTreeMap<String, String>,
    /// Whether the daemon keeps the port by a socket until the app binds.
    pub hold: bool,
    /// When it was granted, RFC 3339 UTC.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub created_at: String,
    /// When it was last granted, moved or renewed, RFC 3339 UTC.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub renewed_at: String,
    /// When it ends unless renewed, RFC 3339 UTC; none for a lease that stays.
    #[cfg_attr(feature = "openapi", schema(required, format = DateTime))]
    pub expires_at: Option<String>,
    /// The process that the lease lives and dies with.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub owner_pid: Option<u32>,
    /// The process that `portlease run` started for it, while that lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub run_pid: Option<u32>,
    /// The port that what `portlease run` started listens on in place of the
    /// lease's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub real_port: Option<Port>,
    /// That process with its command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub owner: Option<LeaseOwner>,
    /// The directory of the project.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub root: Option<String>,
    /// Set in the answer to the request that moved the lease.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub changed: Option<Change>,
    /// Set in the answer to the request that found the project's root to be
    /// another one than that of the name, or to have been moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub identified: Option<Identified>,
    /// How the port was chosen; only when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub explain: Option<Explanation>,
}

/// What is on a lease's port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum LeaseState {
    /// Granted, and nobody is on it.
    Reserved,
    /// Its own app is on it.
    Bound,
    /// A stranger is on it.
    Taken,
    /// Its project's root is gone.
    Stale,
    /// A state that this version does not know.
    #[serde(other)]
    Unknown,
}

impl LeaseState {
    /// The word in the API and the command.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Bound => "bound",
            Self::Taken => "taken",
            Self::Stale => "stale",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for LeaseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The process behind a listener, as far as the kernel lets us see it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Holder {
    /// Its process id; none where only root may see it.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub pid: Option<u32>,
    /// Its command line.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub command: Option<String>,
    /// The user who owns the socket.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub user: Option<String>,
    /// Its working directory.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub cwd: Option<String>,
    /// When the process started, RFC 3339 UTC.
    #[cfg_attr(feature = "openapi", schema(required, format = DateTime))]
    pub since: Option<String>,
}

impl fmt::Display for Holder {
    /// `python3 -m http.server (pid 12, user ada, in /home/ada/app)`, as given:
    /// escape it before it reaches a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user.as_deref().unwrap_or("unknown");
        match (&self.command, self.pid) {
            (Some(command), Some(pid)) => write!(f, "{command} (pid {pid}, user {user}")?,
            (None, Some(pid)) => write!(f, "pid {pid} (user {user}")?,
            (_, None) => return write!(f, "a process that only root can see (user {user})"),
        }
        match &self.cwd {
            Some(cwd) => write!(f, ", in {cwd})"),
            None => f.write_str(")"),
        }
    }
}

impl Lease {
    /// Where its app is in place of its port, in the words of every command.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        self.real_port.map(|port| format!("its app listens on {port} instead"))
    }

    /// What is on its port, in the words of every command, as given: escape it
    /// before it reaches a terminal.
    #[must_use]
    pub fn standing(&self) -> String {
        match (self.state, &self.holder) {
            (LeaseState::Bound, _) => format!("already running here: {}", self.url),
            (LeaseState::Taken, Some(holder)) => format!("taken by {holder}"),
            (LeaseState::Taken, None) => "taken by another portlease daemon on this machine".to_owned(),
            (state, _) => match self.remark() {
                Some(remark) => format!("{state}: {remark}"),
                None => state.to_string(),
            },
        }
    }
}

/// A move of a lease from one port to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Change {
    /// The port it had.
    pub from: Port,
    /// The port it has now.
    pub to: Port,
    /// Why, in words.
    pub because: String,
}

/// How a port was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Explanation {
    /// Where the walk through the pool began; none when it did not come to that.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub start: Option<Port>,
    /// The candidates before the chosen port, in order; at most 100 of them.
    #[cfg_attr(feature = "openapi", schema(max_items = 100))]
    pub skipped: Vec<Skipped>,
    /// How many candidates were skipped in all.
    pub skipped_count: u32,
}

impl Explanation {
    /// The most candidates that an explanation lists.
    pub const MOST: usize = 100;

    /// Notes a candidate that was not chosen.
    pub fn skip(&mut self, port: Port, reason: SkipReason, detail: String) {
        self.skipped_count += 1;
        if self.skipped.len() < Self::MOST {
            self.skipped.push(Skipped { port, reason, detail });
        }
    }
}

/// A candidate that was not chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Skipped {
    /// The candidate.
    pub port: Port,
    /// Why it was passed over, for programs.
    pub reason: SkipReason,
    /// Why it was passed over, for people.
    pub detail: String,
}

/// Why a candidate was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Never given: see the list of excluded ports.
    Excluded,
    /// Another lease has it.
    Leased,
    /// Released by another project less than a minute ago.
    Cooling,
    /// Another daemon on this machine has it.
    Claimed,
    /// A socket is on it.
    InUse,
    /// This user may not bind it.
    Privileged,
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

/// The answer to a list of leases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Leases {
    /// Sorted by project and service.
    pub leases: Vec<Lease>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_an_app_is_instead_is_remarked() {
        let mut lease: Lease = serde_json::from_str(include_str!("../tests/golden/lease_run.json")).unwrap();
        assert_eq!(lease.standing(), "reserved: its app listens on 5173 instead");
        lease.state = LeaseState::Taken;
        assert_eq!(lease.standing(), "taken by another portlease daemon on this machine");
        lease.state = LeaseState::Reserved;
        lease.real_port = None;
        assert_eq!(lease.standing(), "reserved");
    }
}

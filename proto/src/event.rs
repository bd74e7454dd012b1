//! What happens to leases, as the event stream tells it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Change, Holder, LeaseOwner, Port, ProjectName, Protocol, ServiceName};

/// One thing that happened to one lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// What happened.
    pub event: EventKind,
    /// When, RFC 3339 UTC.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub at: String,
    /// The lease's id.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{32}$"))]
    pub id: String,
    /// Whose lease it is.
    pub project: ProjectName,
    /// The service inside the project.
    pub service: ServiceName,
    /// The port that it has, or had until now.
    pub port: Port,
    /// Where the port is kept free.
    pub protocol: Protocol,
    /// Where the service is reached on this machine.
    #[cfg_attr(feature = "openapi", schema(format = "uri"))]
    pub url: String,
    /// The process that came or went, if there is one and it can be seen.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub holder: Option<Holder>,
    /// The move, for `lease.moved`.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub changed: Option<Change>,
    /// The process that the lease lives and dies with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub owner: Option<LeaseOwner>,
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum EventKind {
    /// A lease is new.
    #[serde(rename = "lease.granted")]
    Granted,
    /// A lease has another port.
    #[serde(rename = "lease.moved")]
    Moved,
    /// What a lease says of itself is another: its root, labels, protocol, hold or life.
    #[serde(rename = "lease.changed")]
    Changed,
    /// A lease lives on for its TTL.
    #[serde(rename = "lease.renewed")]
    Renewed,
    /// A lease was released.
    #[serde(rename = "lease.released")]
    Released,
    /// A lease ended: its TTL ran out, its owner ended, or its root is gone for
    /// too long.
    #[serde(rename = "lease.expired")]
    Expired,
    /// Its own app is on the port.
    #[serde(rename = "lease.bound")]
    Bound,
    /// Nobody is on the port any more.
    #[serde(rename = "lease.unbound")]
    Unbound,
    /// A stranger is on the port.
    #[serde(rename = "lease.taken")]
    Taken,
    /// What is on the port can be reached from outside this machine.
    #[serde(rename = "port.exposed")]
    Exposed,
    /// A kind that this version does not know.
    #[serde(other)]
    Unknown,
}

impl EventKind {
    /// The word in the stream and the command.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "lease.granted",
            Self::Moved => "lease.moved",
            Self::Changed => "lease.changed",
            Self::Renewed => "lease.renewed",
            Self::Released => "lease.released",
            Self::Expired => "lease.expired",
            Self::Bound => "lease.bound",
            Self::Unbound => "lease.unbound",
            Self::Taken => "lease.taken",
            Self::Exposed => "port.exposed",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The data of a `reset`: what happened before it may be lost, so the leases
/// must be read anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reset {
    /// Why, in words.
    pub because: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_one_word() {
        for kind in [
            EventKind::Granted,
            EventKind::Moved,
            EventKind::Changed,
            EventKind::Renewed,
            EventKind::Released,
            EventKind::Expired,
            EventKind::Bound,
            EventKind::Unbound,
            EventKind::Taken,
            EventKind::Exposed,
        ] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert_eq!(serde_json::from_str::<EventKind>("\"lease.sold\"").unwrap(), EventKind::Unknown);
    }
}

//! Which of the two name spaces of ports a lease covers.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The protocols that a lease covers. A port number is leased once, whatever
/// its protocol; this says where it must be free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP and UDP alike: what a lease covers that says nothing.
    #[default]
    Both,
    /// TCP alone.
    Tcp,
    /// UDP alone.
    Udp,
}

impl Protocol {
    /// Whether TCP is covered.
    #[must_use]
    pub fn covers_tcp(self) -> bool {
        matches!(self, Self::Both | Self::Tcp)
    }

    /// Whether UDP is covered.
    #[must_use]
    pub fn covers_udp(self) -> bool {
        matches!(self, Self::Both | Self::Udp)
    }

    /// The word in the API, the command and the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that names no protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such protocol: it is tcp, udp or both")]
pub struct InvalidProtocol;

impl FromStr for Protocol {
    type Err = InvalidProtocol;

    fn from_str(text: &str) -> Result<Self, InvalidProtocol> {
        match text {
            "both" => Ok(Self::Both),
            "tcp" => Ok(Self::Tcp),
            "udp" => Ok(Self::Udp),
            _ => Err(InvalidProtocol),
        }
    }
}

//! What the daemon says of itself.

use serde::{Deserialize, Serialize};

use crate::{Holder, Port};

/// What the API asks of a TCP connection, beside the rules against web pages.
/// The Unix socket asks for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// That the kernel names this user's process at its other end.
    #[default]
    User,
    /// The token as well; and the token alone where the kernel cannot tell
    /// whose process is at the other end.
    Token,
    /// A way that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Auth {
    /// The word in the API, the configuration and the command.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Token => "token",
            Self::Unknown => "unknown",
        }
    }
}

/// Where the API answers over TCP; the content of `endpoint.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Endpoint {
    /// `http://127.0.0.1:PORT`; none when the API is on its Unix socket alone.
    #[cfg_attr(feature = "openapi", schema(required, format = "uri"))]
    pub url: Option<String>,
    /// The port of `url`.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub port: Option<Port>,
    /// Each address that listens, `127.0.0.1:PORT` and `[::1]:PORT`.
    pub addresses: Vec<String>,
    /// The daemon's process id.
    pub pid: u32,
    /// The daemon's version.
    pub version: String,
    /// What it asks of whoever comes over TCP.
    #[cfg_attr(feature = "openapi", schema(required))]
    #[serde(default)]
    pub auth: Auth,
}

/// The answer of `GET /v1/health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// `ok`: it answers.
    pub status: String,
    /// Where it answers over TCP.
    pub endpoint: Endpoint,
    /// The TCP port that it is meant to have.
    pub wanted_port: Port,
    /// Who has `wanted_port`, when the daemon has not.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub wanted_port_holder: Option<Holder>,
    /// When the daemon started, RFC 3339 UTC.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub started_at: String,
    /// How many leases there are.
    pub leases: usize,
    /// What a person should know: a store that was set aside, a port that
    /// could not be had.
    pub notices: Vec<String>,
}

/// The answer of `GET /v1/ready` when a lease could be granted at this moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ready {
    /// `ready`: the registry can be saved and the kernel answers.
    pub status: String,
}

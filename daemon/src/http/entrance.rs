//! By which way a request came in: some may do more than others.

use axum::http::{HeaderMap, StatusCode};
use portlease_proto::ErrorCode;

use super::{door::Door, error::ApiError};

/// Stands in the extensions of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entrance {
    /// The Unix socket, which is this user's alone, or TCP with the token.
    Private,
    /// TCP, where nothing but the door keeps web pages out.
    Public,
}

impl Entrance {
    /// The way that a request takes through that door.
    pub(super) fn of(door: &Door, headers: &HeaderMap) -> Self {
        match door {
            Door::Unix => Self::Private,
            Door::Tcp(door, _) if door.has_token(headers) => Self::Private,
            Door::Tcp(..) => Self::Public,
        }
    }

    /// Ending processes is more than any web page should reach, even one that
    /// found a way past the door.
    pub(super) fn may_stop(self) -> Result<(), ApiError> {
        match self {
            Self::Private => Ok(()),
            Self::Public => {
                let detail = "over TCP, stopping a process needs the token";
                Err(ApiError::new(StatusCode::UNAUTHORIZED, ErrorCode::TokenRequired, detail)
                    .hint("use portlease stop PORT, or send \"Authorization: Bearer TOKEN\" (portlease token prints it)"))
            }
        }
    }
}

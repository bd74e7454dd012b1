//! The machine-wide mark between daemons: an abstract Unix socket name per
//! port. It lives in the network namespace, as ports do, is open to every
//! user, is freed by the kernel when its holder dies, and no app ever sees it.

use std::{
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
};

use portlease_proto::Port;

use crate::sockets::{ClaimError, is_too_many_files};

/// A port that no other daemon will grant while this lives. One open file.
#[derive(Debug)]
pub struct Claim {
    _name: Option<UnixDatagram>,
}

impl Claim {
    /// A claim that marks nothing, for tests that fix the kernel's answers.
    #[must_use]
    pub fn of_nothing() -> Self {
        Self { _name: None }
    }

    pub(super) fn take(port: Port) -> Result<Self, ClaimError> {
        let name = SocketAddr::from_abstract_name(format!("portlease/claim/{port}"));
        match name.and_then(|name| UnixDatagram::bind_addr(&name)) {
            Ok(name) => Ok(Self { _name: Some(name) }),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(ClaimError::Taken),
            Err(error) if is_too_many_files(&error) => Err(ClaimError::TooManyFiles),
            Err(error) => Err(ClaimError::Call(error)),
        }
    }
}

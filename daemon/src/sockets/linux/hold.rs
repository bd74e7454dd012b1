//! A hold: a socket that keeps a port until the app binds it. Bound plain, so
//! that nothing else can be there and no second hold either; SO_REUSEADDR is
//! set afterwards, so that servers that set it (nearly all) bind and listen
//! straight through. It never listens, and the kernel gives the port to no
//! bind(0) and no connect().

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::OwnedFd,
};

use portlease_proto::Port;
use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt},
};

use crate::sockets::HoldError;

/// A port that no server without SO_REUSEADDR gets while this lives. One open file.
#[derive(Debug)]
pub struct Hold {
    socket: Option<OwnedFd>,
}

impl Hold {
    /// A hold of nothing, for tests that fix the kernel's answers.
    #[must_use]
    pub fn of_nothing() -> Self {
        Self { socket: None }
    }

    /// The socket's number.
    #[must_use]
    pub fn inode(&self) -> Option<u64> {
        let stat = rustix::fs::fstat(self.socket.as_ref()?).ok()?;
        Some(stat.st_ino)
    }

    pub(super) fn take(port: Port) -> Result<Self, HoldError> {
        let open = |family| socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None);
        let (socket, address) = match open(AddressFamily::INET6) {
            Ok(socket) => {
                sockopt::set_ipv6_v6only(&socket, false).map_err(failed)?;
                (socket, SocketAddr::from((Ipv6Addr::UNSPECIFIED, port.get())))
            }
            // IPv6 is off.
            Err(Errno::AFNOSUPPORT) => (
                open(AddressFamily::INET).map_err(failed)?,
                SocketAddr::from((Ipv4Addr::UNSPECIFIED, port.get())),
            ),
            Err(errno) => return Err(failed(errno)),
        };
        bind(&socket, &address).map_err(failed)?;
        sockopt::set_socket_reuseaddr(&socket, true).map_err(failed)?;
        Ok(Self { socket: Some(socket) })
    }
}

fn failed(errno: Errno) -> HoldError {
    match errno {
        Errno::ADDRINUSE => HoldError::InUse,
        Errno::MFILE | Errno::NFILE => HoldError::TooManyFiles,
        errno => HoldError::Call(errno.into()),
    }
}

//! Rule U: who is at the other end of a TCP connection. Ports are open to every
//! user of the machine; leases are one user's.

use std::{error::Error as _, net::SocketAddr};

use portlease_proto::Auth;

use crate::sockets::{SocketError, Sockets};

/// Whose process is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FarEnd {
    /// This user's.
    Ours,
    /// Another user's, or nobody's any more.
    NotOurs,
    /// The kernel was not to be asked: there is no sock_diag in this sandbox, or
    /// on this system.
    CannotTell,
}

impl From<Result<bool, SocketError>> for FarEnd {
    fn from(ours: Result<bool, SocketError>) -> Self {
        match ours {
            Ok(true) => Self::Ours,
            Ok(false) => Self::NotOurs,
            Err(_) => Self::CannotTell,
        }
    }
}

/// What is to be asked on these addresses, which we listen on: as much as is
/// `wanted`, and the token wherever the kernel does not answer about
/// connections. That nothing is connected there is an answer too.
pub fn auth_in_force(sockets: &dyn Sockets, wanted: Auth, addresses: &[SocketAddr]) -> Auth {
    let mut asked = addresses.iter().map(|address| sockets.connected(*address, *address));
    match asked.find_map(Result::err) {
        None => wanted,
        Some(error) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            tracing::warn!("TCP needs the token, since whose a connection is cannot be told: {error}{cause}");
            Auth::Token
        }
    }
}

/// Whether the process at the `far` end of an accepted connection is this
/// user's. `near_inode` is the number of our own end.
///
/// The order matters. A closed peer reads as user 0, and a tuple that was
/// closed and used again names its next user; so after the far end was looked
/// up, our own end must still be the established socket that we have open:
/// then the tuple was ours all the time.
///
/// # Errors
/// [`SocketError`] where there is no sock_diag: [`FarEnd::CannotTell`].
pub fn is_ours(
    sockets: &dyn Sockets,
    our_uid: u32,
    near: SocketAddr,
    far: SocketAddr,
    near_inode: u64,
) -> Result<bool, SocketError> {
    if !near.ip().is_loopback() || !far.ip().is_loopback() {
        return Ok(false);
    }
    if sockets.connected(far, near)?.is_none_or(|peer| peer.uid != our_uid) {
        return Ok(false);
    }
    Ok(sockets.connected(near, far)?.is_some_and(|own| own.inode == near_inode))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::{
        net::{TcpListener, TcpStream},
        os::fd::AsFd,
    };

    use super::*;
    use crate::sockets::SystemSockets;

    fn inode(stream: impl AsFd) -> u64 {
        rustix::fs::fstat(stream).unwrap().st_ino
    }

    fn ask(uid: u32, stream: &TcpStream, inode: u64) -> bool {
        is_ours(&SystemSockets, uid, stream.local_addr().unwrap(), stream.peer_addr().unwrap(), inode)
            .unwrap()
    }

    #[test]
    fn our_own_connection_and_no_other() {
        let us = rustix::process::geteuid().as_raw();
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (served, far) = listener.accept().unwrap();
            let (near, number) = (served.local_addr().unwrap(), inode(&served));
            assert!(ask(us, &served, number));
            assert!(!ask(us + 1, &served, number), "another user's");
            assert!(!ask(us, &served, number + 1), "the tuple is another socket's by now");

            drop(client);
            assert!(!is_ours(&SystemSockets, us, near, far, number).unwrap(), "the peer has closed");
            drop(served);
            assert!(!is_ours(&SystemSockets, us, near, far, number).unwrap(), "only the listener is left");
        }
    }

    #[test]
    fn an_answer_that_failed_is_neither() {
        for (answer, far_end) in [
            (Ok(true), FarEnd::Ours),
            (Ok(false), FarEnd::NotOurs),
            (Err(SocketError::TooManyFiles), FarEnd::CannotTell),
            (Err(SocketError::Garbled("x")), FarEnd::CannotTell),
        ] {
            assert_eq!(FarEnd::from(answer), far_end);
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addresses = [listener.local_addr().unwrap()];
        for wanted in [Auth::User, Auth::Token] {
            assert_eq!(auth_in_force(&SystemSockets, wanted, &addresses), wanted);
        }
    }

    #[test]
    fn only_loopback() {
        let far = "192.0.2.1:4000".parse().unwrap();
        assert!(!is_ours(&SystemSockets, 0, "127.0.0.1:1".parse().unwrap(), far, 1).unwrap());
    }
}

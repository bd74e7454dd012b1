//! The kernel's word that a TCP listener was closed: sock_diag's multicast
//! groups for destroyed sockets, which are open to every user.
//!
//! They tell of every TCP socket of the machine, so a filter in the kernel
//! leaves out connections: those have a remote port. What is left out or lost
//! is no harm, since whoever listens here looks at the sockets anyway.

use std::{io, os::fd::OwnedFd};

use portlease_proto::Port;
use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SocketFlags, SocketType, bind, netlink, netlink::SocketAddrNetlink, recv,
        socket_with,
    },
};
use socket2::{SockFilter, SockRef};

use super::netlink::closed_port;
use crate::sockets::Closed;

/// `SKNLGRP_INET_TCP_DESTROY` and `SKNLGRP_INET6_TCP_DESTROY`, as bits.
const GROUPS: u32 = 1 | 1 << 2;

/// What arrives is 380 bytes long (6.18); what is longer is cut, behind the ports.
const MESSAGE: usize = 512;

/// Tells which ports had a listener closed.
#[derive(Debug)]
pub struct Closings {
    socket: OwnedFd,
}

impl Closings {
    /// Listens from now on.
    ///
    /// # Errors
    /// As the system calls, where sandboxes or old kernels do not let us.
    pub fn listen() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(netlink::SOCK_DIAG))?;
        // Before it joins the groups, so that nothing comes unfiltered.
        SockRef::from(&socket).attach_filter(&without_connections())?;
        bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
        Ok(Self { socket })
    }

    /// A file that is readable when there is something to read.
    ///
    /// # Errors
    /// As the system call.
    pub fn bell(&self) -> io::Result<OwnedFd> {
        self.socket.try_clone()
    }

    /// What has arrived. More than a few at once are not read to the end, and
    /// nothing is said of them.
    #[must_use]
    pub fn read(&self) -> Closed {
        const MOST: usize = 64;
        let mut ports = Vec::new();
        let mut buffer = [0; MESSAGE];
        for _ in 0..MOST {
            match recv(&self.socket, &mut buffer, RecvFlags::empty()) {
                Ok((len, _)) => ports.extend(closed_port(&buffer[..len]).and_then(Port::new)),
                Err(Errno::AGAIN) => return Closed::On(ports),
                Err(_lost) => break,
            }
        }
        Closed::Unknown
    }
}

/// Lets a message through when its socket had no remote port. Behind the
/// header of 16 bytes stands `struct inet_diag_msg`, with the remote port at 6.
fn without_connections() -> [SockFilter; 4] {
    const LOAD_HALF: u16 = 0x28; // BPF_LD | BPF_H | BPF_ABS
    const JUMP_IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    const REMOTE_PORT: u32 = 22;
    [
        SockFilter::new(LOAD_HALF, 0, 0, REMOTE_PORT),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, 0),
        SockFilter::new(RETURN, 0, 0, MESSAGE as u32),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    /// Everything until `port` is told of.
    fn until(closings: &Closings, port: u16) -> Vec<u16> {
        let mut told: Vec<u16> = Vec::new();
        while !told.contains(&port) {
            let mut fds = [PollFd::new(&closings.socket, PollFlags::IN)];
            let patience = Timespec { tv_sec: 10, tv_nsec: 0 };
            assert_eq!(poll(&mut fds, Some(&patience)), Ok(1), "{port} was not told of");
            if let Closed::On(ports) = closings.read() {
                told.extend(ports.into_iter().map(Port::get));
            }
        }
        told
    }

    #[test]
    fn listeners_are_told_of_and_connections_are_not() {
        let closings = Closings::listen().unwrap();
        for address in [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), (Ipv6Addr::LOCALHOST, 0).into()] {
            let listener = TcpListener::bind(address).unwrap();
            let address = listener.local_addr().unwrap();
            let client = TcpStream::connect(address).unwrap();
            let local = client.local_addr().unwrap().port();
            let served = listener.accept().unwrap();
            drop((client, served));
            drop(listener);
            let told = until(&closings, address.port());
            assert_eq!(told.iter().filter(|port| **port == address.port()).count(), 1, "{told:?}");
            assert!(!told.contains(&local), "{told:?}");
        }
    }

    #[test]
    fn what_was_lost_is_said() {
        let closings = Closings::listen().unwrap();
        SockRef::from(&closings.socket).set_recv_buffer_size(1).unwrap();
        let last = TcpListener::bind("127.0.0.1:0").unwrap();
        for _ in 0..200 {
            drop(TcpListener::bind("127.0.0.1:0").unwrap());
        }
        let mut lost = false;
        // The kernel tells late: from a worker of its own.
        let mut fds = [PollFd::new(&closings.socket, PollFlags::ERR)];
        assert_eq!(poll(&mut fds, Some(&Timespec { tv_sec: 10, tv_nsec: 0 })), Ok(1));
        while !lost {
            lost = closings.read() == Closed::Unknown;
        }
        drop(last);
    }
}

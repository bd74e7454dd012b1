//! What the checks judge by.

use std::net::{IpAddr, Ipv6Addr};

use portlease_proto::{PortHolder, PortReport, Socket, SocketState, Transport};

use super::{Host, Scheme, Way};
use crate::manager::Whereabouts;

/// All that was found on a port, and how the client names this machine.
#[derive(Debug, Clone)]
pub struct Facts {
    /// What is on the port.
    pub report: PortReport,
    /// How the client names this machine.
    pub host: Host,
    /// What the client speaks, if it says so.
    pub scheme: Option<Scheme>,
    /// Where the app of the port's lease is, when it is not there.
    pub whereabouts: Whereabouts,
    /// What was met on the way there.
    pub way: Way,
}

impl Facts {
    /// The TCP listeners.
    pub(super) fn listeners(&self) -> impl Iterator<Item = &Socket> {
        self.sockets(Transport::Tcp, SocketState::Listening)
    }

    pub(super) fn sockets(&self, transport: Transport, state: SocketState) -> impl Iterator<Item = &Socket> {
        let sockets = self.report.sockets.iter();
        sockets.filter(move |socket| (socket.transport, socket.state) == (transport, state))
    }

    /// Whether any TCP listener is there; most checks are of one.
    pub(super) fn is_listening(&self) -> bool {
        self.listeners().next().is_some()
    }

    /// Whether a TCP socket is bound, and none listens.
    pub(super) fn is_bound_only(&self) -> bool {
        !self.is_listening() && self.sockets(Transport::Tcp, SocketState::Bound).next().is_some()
    }

    /// Where the TCP listeners listen, each address once.
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        let mut addresses: Vec<IpAddr> = self.listeners().map(|socket| socket.address).collect();
        addresses.dedup();
        addresses
    }

    /// Whether a connection to that address of this machine finds a listener.
    pub(crate) fn reaches(&self, address: IpAddr) -> bool {
        self.listeners().any(|socket| takes(socket, address))
    }

    /// Whether a listener has as many connections waiting as may wait.
    pub(crate) fn is_queue_full(&self) -> bool {
        self.listeners().any(|socket| socket.queue.is_some_and(|queue| queue.is_full()))
    }

    /// The process that has a socket open.
    pub(super) fn holder_of(&self, socket: &Socket) -> Option<&PortHolder> {
        let inode = socket.inode?;
        self.report.holders.iter().find(|holder| holder.inodes.contains(&inode))
    }

    /// The process behind a socket in words.
    pub(super) fn name_of(&self, socket: &Socket) -> String {
        match self.holder_of(socket) {
            Some(holder) => holder.process.to_string(),
            None => "a process that cannot be seen".to_owned(),
        }
    }
}

fn takes(socket: &Socket, address: IpAddr) -> bool {
    match (socket.address, address) {
        (IpAddr::V4(own), IpAddr::V4(to)) => own == to || own.is_unspecified(),
        (IpAddr::V6(own), IpAddr::V6(to)) => own == to || own == Ipv6Addr::UNSPECIFIED,
        (IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V4(_)) => socket.dual_stack != Some(false),
        (IpAddr::V6(own), IpAddr::V4(to)) => {
            own.to_ipv4_mapped().is_some_and(|own| own == to || own.is_unspecified())
        }
        (IpAddr::V4(_), IpAddr::V6(_)) => false,
    }
}

//! macOS: the bind probe and netstat2. There is no sock_diag, so look-ups walk
//! the table, and there are no abstract socket names, so nothing keeps the
//! daemons of two users from granting one port: the guide promises less there.
//! Not run on a Mac by us.

use std::{io, net::SocketAddr, os::fd::OwnedFd};

use portlease_proto::{Port, PortRange, Protocol};

use super::{
    ClaimError, Closed, HoldError, Leftovers, Peer, SocketDetail, SocketError, SocketRow, Sockets, Verdict,
    netstat,
    probe::{self, without_probes},
};
use crate::allocator::KernelRanges;

/// The running kernel.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemSockets;

/// The system tells of no listener that was closed.
#[derive(Debug)]
pub struct Closings;

impl Closings {
    /// There is none.
    ///
    /// # Errors
    /// Always.
    pub fn listen() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// There is none.
    ///
    /// # Errors
    /// Always.
    pub fn bell(&self) -> io::Result<OwnedFd> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Nothing is known.
    #[must_use]
    pub fn read(&self) -> Closed {
        Closed::Unknown
    }
}

/// Marks nothing here.
#[derive(Debug)]
pub struct Claim;

impl Claim {
    /// A claim that marks nothing.
    #[must_use]
    pub fn of_nothing() -> Self {
        Self
    }
}

/// There is none here: a bound socket would keep the app itself off.
#[derive(Debug)]
pub struct Hold;

impl Hold {
    /// A hold of nothing.
    #[must_use]
    pub fn of_nothing() -> Self {
        Self
    }

    /// The socket's number.
    #[must_use]
    pub fn inode(&self) -> Option<u64> {
        None
    }
}

impl Sockets for SystemSockets {
    fn probe(&self, port: Port, protocol: Protocol, leftovers: Leftovers) -> Result<Verdict, SocketError> {
        probe::probe(port, protocol, leftovers)
    }

    fn look_up(&self, port: Port, protocol: Protocol) -> Result<Vec<SocketRow>, SocketError> {
        let mut rows = self.on_port(port)?;
        rows.retain(|row| row.occupies(protocol));
        Ok(rows)
    }

    fn connected(&self, _local: SocketAddr, _remote: SocketAddr) -> Result<Option<Peer>, SocketError> {
        // Nothing here names the user at the other end of a connection.
        Err(SocketError::call("find the other end of a connection", io::ErrorKind::Unsupported))
    }

    fn on_port(&self, port: Port) -> Result<Vec<SocketRow>, SocketError> {
        let mut rows = without_probes(netstat::listeners)?;
        rows.retain(|row| row.port == port);
        Ok(rows)
    }

    fn in_detail(&self, port: Port) -> Result<Vec<SocketDetail>, SocketError> {
        Ok(self.on_port(port)?.into_iter().map(SocketDetail::of).collect())
    }

    fn listeners(&self) -> Result<Vec<SocketDetail>, SocketError> {
        Ok(without_probes(netstat::listeners)?.into_iter().map(SocketDetail::of).collect())
    }

    fn serving(&self) -> Result<Vec<SocketRow>, SocketError> {
        without_probes(netstat::listeners)
    }

    fn hold(&self, _port: Port) -> Result<Hold, HoldError> {
        Err(HoldError::Call(io::ErrorKind::Unsupported.into()))
    }

    fn claim(&self, _port: Port) -> Result<Claim, ClaimError> {
        Ok(Claim)
    }

    fn kernel_ranges(&self) -> KernelRanges {
        // net.inet.ip.portrange.first and .last as they come; changing them is rare.
        KernelRanges { ephemeral: Some(PortRange::constant(49152, 65535)), reserved: Vec::new() }
    }
}

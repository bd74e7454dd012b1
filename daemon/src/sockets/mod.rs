//! The kernel's word on ports. It alone decides what is free; no table does.
//! What each detector can and cannot see was measured: a `::` dual-stack bind
//! is the one that never lied.

mod detail;
#[cfg(any(target_os = "macos", test))]
mod netstat;
mod probe;
mod shared;
mod witness;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as platform;

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use portlease_proto::{Port, Protocol};

pub use detail::{SocketDetail, is_loopback};
#[cfg(all(fuzzing, target_os = "linux"))]
pub(crate) use linux::{fuzz, fuzz_text};
pub use platform::{Claim, Closings, Hold, SystemSockets};
pub use shared::SharedListeners;

use crate::allocator::KernelRanges;

/// Asks the kernel about ports; behind a trait so that tests can fix the answers.
pub trait Sockets: Send + Sync {
    /// Whether a server could bind `port` now.
    ///
    /// # Errors
    /// [`SocketError`] when the kernel gives no answer; that never means free.
    fn probe(&self, port: Port, protocol: Protocol, leftovers: Leftovers) -> Result<Verdict, SocketError>;

    /// Who would get a connection, or a datagram, to `port` on 127.0.0.1 and
    /// `::1`: a few microseconds, but blind to sockets that are bound and not
    /// listening, and to those on other addresses.
    ///
    /// # Errors
    /// [`SocketError`].
    fn look_up(&self, port: Port, protocol: Protocol) -> Result<Vec<SocketRow>, SocketError>;

    /// The socket at the `local` end of an established TCP connection of this
    /// machine, where a process has it open.
    ///
    /// # Errors
    /// [`SocketError`], always on macOS.
    fn connected(&self, local: SocketAddr, remote: SocketAddr) -> Result<Option<Peer>, SocketError>;

    /// Every socket on `port`, in every state. Slow: it walks the kernel's tables.
    ///
    /// # Errors
    /// [`SocketError`].
    fn on_port(&self, port: Port) -> Result<Vec<SocketRow>, SocketError>;

    /// What [`Sockets::on_port`] shows, in full.
    ///
    /// # Errors
    /// [`SocketError`].
    fn in_detail(&self, port: Port) -> Result<Vec<SocketDetail>, SocketError>;

    /// Who serves `port`, in full: its TCP listeners and UDP sockets. Tens of
    /// microseconds, for [`Sockets::in_detail`] also walks the tables of bound
    /// sockets and of connections, which are large even when they are empty.
    ///
    /// # Errors
    /// [`SocketError`].
    fn serving_on(&self, port: Port) -> Result<Vec<SocketDetail>, SocketError> {
        let serves = |detail: &SocketDetail| {
            detail.row.transport == Transport::Udp || detail.row.state == SocketState::Listening
        };
        Ok(self.in_detail(port)?.into_iter().filter(serves).collect())
    }

    /// Every socket of the machine that has a port and is no part of a TCP
    /// connection, in full. Slow.
    ///
    /// # Errors
    /// [`SocketError`], also when the table that came back cannot be whole.
    fn listeners(&self) -> Result<Vec<SocketDetail>, SocketError>;

    /// Marks `port` as ours among all daemons of this network namespace, for
    /// as long as the claim lives.
    ///
    /// # Errors
    /// [`ClaimError`].
    fn claim(&self, port: Port) -> Result<Claim, ClaimError>;

    /// Every socket that can keep a server from its port, as the kernel lists
    /// them: quick enough to be read all the time, to notice what changes.
    /// Whether a port is free is for the probe to say.
    ///
    /// # Errors
    /// [`SocketError`].
    fn serving(&self) -> Result<Vec<SocketRow>, SocketError>;

    /// As [`Sockets::serving`], without TCP sockets that are bound and do not
    /// listen, if that is quicker: for those the kernel walks a table that is
    /// large even when it is empty (0.7 ms, against 0.06 ms for the rest).
    ///
    /// # Errors
    /// [`SocketError`].
    fn listening(&self) -> Result<Vec<SocketRow>, SocketError> {
        self.serving()
    }

    /// Keeps a free `port` by a socket that servers bind through, for as long
    /// as the hold lives.
    ///
    /// # Errors
    /// [`HoldError`].
    fn hold(&self, port: Port) -> Result<Hold, HoldError>;

    /// What the kernel keeps for itself at the moment.
    fn kernel_ranges(&self) -> KernelRanges;
}

/// What the bind probe found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A server can bind it.
    Free,
    /// A socket is in the way.
    InUse,
    /// This user may not bind it (below `ip_unprivileged_port_start`).
    Privileged,
}

/// How the probe sees what earlier connections left behind (TIME_WAIT, a
/// connection whose listener closed). Servers that set SO_REUSEADDR, and
/// nearly all do, bind over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leftovers {
    /// They are in the way: right for a new port, of which there are many.
    InTheWay,
    /// They are not: right for the port that a project already has.
    Ignored,
}

/// What is known of TCP listeners that were closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// There were some on these ports, and maybe others.
    On(Vec<Port>),
    /// Some were not told of.
    Unknown,
}

/// One end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Who made the socket.
    pub uid: u32,
    /// The socket's number.
    pub inode: u64,
}

/// TCP or UDP: two name spaces of ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// What a socket does with its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SocketState {
    /// In LISTEN, or a UDP socket.
    Listening,
    /// TCP, bound and neither listening nor connected.
    BoundOnly,
    /// Part of a connection, and a process has it open.
    Connected,
    /// Part of a connection that no process has open any more.
    Leftover,
}

/// One socket of the system's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SocketRow {
    /// Its name space.
    pub transport: Transport,
    /// The local address.
    pub address: IpAddr,
    /// The local port.
    pub port: Port,
    /// What it does there.
    pub state: SocketState,
    /// Who made it; not known on macOS.
    pub uid: Option<u32>,
    /// The socket's own number, 0 when no process has it open; always 0 on macOS.
    pub inode: u64,
    /// The process, where the table itself tells it (macOS).
    pub pid: Option<u32>,
}

impl SocketRow {
    /// Whether its name space is one of those that `protocol` covers.
    #[must_use]
    pub fn is_covered_by(&self, protocol: Protocol) -> bool {
        match self.transport {
            Transport::Tcp => protocol.covers_tcp(),
            Transport::Udp => protocol.covers_udp(),
        }
    }

    /// Whether it keeps a server of `protocol` from the port: connections and
    /// what they left do not.
    #[must_use]
    pub fn occupies(&self, protocol: Protocol) -> bool {
        self.is_covered_by(protocol) && !self.is_connection()
    }

    /// Whether it is an end of a connection, or what is left of one, of
    /// `protocol`.
    #[must_use]
    pub fn is_connection_of(&self, protocol: Protocol) -> bool {
        self.is_covered_by(protocol) && self.is_connection()
    }

    fn is_connection(&self) -> bool {
        matches!(self.state, SocketState::Connected | SocketState::Leftover)
    }
}

/// The kernel gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// A system call failed.
    #[error("cannot {doing}")]
    Call {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// No more files can be opened; each lease and each connection takes one.
    #[error("the limit on open files is reached")]
    TooManyFiles,
    /// The table came back without a socket that must be in it.
    #[error("the socket table is not whole: it lacks our own {0} socket")]
    NotWhole(&'static str),
    /// An answer that the kernel's own description does not allow.
    #[error("the kernel's answer makes no sense: {0}")]
    Garbled(&'static str),
}

impl SocketError {
    fn call(doing: &'static str, errno: impl Into<io::Error>) -> Self {
        let source: io::Error = errno.into();
        if is_too_many_files(&source) { Self::TooManyFiles } else { Self::Call { doing, source } }
    }
}

/// A port that could not be claimed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Another daemon has it.
    #[error("another portlease daemon has claimed the port")]
    Taken,
    /// No more files can be opened.
    #[error("the limit on open files is reached")]
    TooManyFiles,
    /// A system call failed.
    #[error("cannot claim the port")]
    Call(#[source] io::Error),
}

/// A port that could not be held.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// A socket is on it, or what one left.
    #[error("a socket is on the port")]
    InUse,
    /// No more files can be opened.
    #[error("the limit on open files is reached")]
    TooManyFiles,
    /// A system call failed; on macOS there are no holds.
    #[error("cannot hold the port")]
    Call(#[source] io::Error),
}

fn is_too_many_files(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let code = error.raw_os_error();
    [Errno::MFILE, Errno::NFILE].iter().any(|errno| code == Some(errno.raw_os_error()))
}

//! What is on a port, as the API shows it: sockets, and the processes behind
//! them.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use serde::{Deserialize, Serialize};

use crate::{Holder, Lease, Port};

/// One port: the answer to `GET /v1/ports/{port}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PortReport {
    /// The port.
    pub port: Port,
    /// Whether a server could bind it now, over TCP and over UDP: the kernel's
    /// own word.
    pub free: bool,
    /// Why it is not free; none when it is.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub reason: Option<BusyReason>,
    /// Why it is not given to projects unless forced, in words. A port can be
    /// free and excluded.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub excluded: Option<String>,
    /// The sockets on it, listeners first: every one, or where one listens
    /// those that serve it, unless connections are asked for, too.
    pub sockets: Vec<Socket>,
    /// The processes behind the sockets. One that cannot be read is here, too,
    /// with what the kernel tells of it.
    pub holders: Vec<PortHolder>,
    /// The lease that has the port.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub lease: Option<Lease>,
    /// Which service is commonly found on this port.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub well_known: Option<String>,
}

/// Why a port is not free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BusyReason {
    /// A socket listens on it, or a UDP socket has it.
    InUse,
    /// A socket is bound to it and does not listen.
    Bound,
    /// Connections have it, and no listener.
    Connected,
    /// Only what closed connections left is in the way: it passes by itself
    /// within a minute or two.
    Leftovers,
    /// This user may not bind it.
    Privileged,
    /// The kernel refuses it and shows no socket on it.
    Unseen,
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

/// One socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Socket {
    /// Its name space of ports.
    pub transport: Transport,
    /// The local address; `::` and `0.0.0.0` stand for every address.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub address: IpAddr,
    /// Whether an IPv6 socket takes IPv4, too; none where that is not known or
    /// does not apply.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub dual_stack: Option<bool>,
    /// What it does.
    pub state: SocketState,
    /// Whether it listens to other machines: its address is not loopback.
    pub exposed: bool,
    /// The other end, where there is one.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<String>))]
    pub remote: Option<SocketAddr>,
    /// Connections that wait to be accepted, of a TCP listener.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub queue: Option<Queue>,
    /// The user who made it, by name or number; none for what no process has
    /// open any more.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub user: Option<String>,
    /// The socket's number; none when no process has it open.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub inode: Option<u64>,
    /// The process that has it open, where it can be seen.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub pid: Option<u32>,
}

/// TCP or UDP: two name spaces of ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// One that this version does not know.
    #[serde(other)]
    Unknown,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Unknown => "other",
        })
    }
}

/// What a socket does with its port. In this order they are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SocketState {
    /// It takes connections, or is a UDP socket that takes anybody's datagrams.
    Listening,
    /// Bound, and neither listening nor connected.
    Bound,
    /// On its way to a connection.
    Connecting,
    /// Part of a connection.
    Connected,
    /// The other end has closed; the process has not yet.
    CloseWait,
    /// The process has closed, and the last packets are on their way.
    Closing,
    /// Closed; the kernel keeps the port for a minute.
    TimeWait,
    /// A state that this version does not know.
    #[serde(other)]
    Unknown,
}

impl fmt::Display for SocketState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Listening => "listening",
            Self::Bound => "bound",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::CloseWait => "close-wait",
            Self::Closing => "closing",
            Self::TimeWait => "time-wait",
            Self::Unknown => "unknown",
        })
    }
}

/// A listener's queue of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Queue {
    /// How many wait to be accepted.
    pub waiting: u32,
    /// How many may wait; one more still gets in.
    pub most: u32,
}

impl Queue {
    /// Whether the next connection is let in no more.
    #[must_use]
    pub fn is_full(self) -> bool {
        self.waiting > self.most
    }
}

/// A process behind sockets of one port.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PortHolder {
    /// The process, as far as it can be read.
    #[serde(flatten)]
    pub process: Holder,
    /// Who started it, and who started that, up to a shell, terminal, editor
    /// or service manager.
    pub parents: Vec<Parent>,
    /// The container or service that it runs in.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub unit: Option<Unit>,
    /// Whether it is stopped (SIGSTOP, Ctrl-Z) and so answers nobody.
    pub stopped: bool,
    /// What else is worth knowing, such as what would show more.
    pub remarks: Vec<String>,
    /// Its sockets on this port, by their numbers.
    pub inodes: Vec<u64>,
}

/// A process that started another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Parent {
    /// Its process id.
    pub pid: u32,
    /// Its name.
    pub name: String,
}

/// What keeps a process: a container, or a unit of a service manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Unit {
    /// `docker`, `podman`, `containerd`, `crio`, `lxc` or `systemd`.
    pub manager: String,
    /// The container's short id, or the unit's name.
    pub name: String,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.manager == "systemd" { "unit" } else { "container" };
        write!(f, "{} {kind} {}", self.manager, self.name)
    }
}

/// A listener of the machine: an entry of the answer to `GET /v1/ports`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Listener {
    /// The port.
    pub port: Port,
    /// Its name space of ports.
    pub transport: Transport,
    /// The local address; `::` and `0.0.0.0` stand for every address.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub address: IpAddr,
    /// Whether an IPv6 socket takes IPv4, too.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub dual_stack: Option<bool>,
    /// What the socket does.
    pub state: SocketState,
    /// Whether it listens to other machines: its address is not loopback.
    pub exposed: bool,
    /// The process behind it, as far as it can be seen.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub holder: Option<Holder>,
    /// The lease that has the port.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub lease: Option<Lease>,
    /// Which service is commonly found on this port.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub well_known: Option<String>,
    /// How an exposed app of a framework that we know is bound to loopback:
    /// the option or command line.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub fix: Option<String>,
}

/// The answer to `GET /v1/ports`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Listeners {
    /// Sorted by port, transport and address.
    pub ports: Vec<Listener>,
}

//! Sockets as servers and clients make them.

use std::{
    fs::{self, File},
    io::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::OwnedFd,
};

use rustix::{
    io::Errno,
    net::{
        AddressFamily, SocketFlags, SocketType, acceptfrom, bind, connect, getsockname, listen, socket_with,
        sockopt,
    },
};

/// A local address to bind to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct At {
    pub(crate) name: &'static str,
    pub(crate) ip: IpAddr,
    pub(crate) v6only: bool,
}

const fn v4(name: &'static str, a: u8, b: u8, c: u8, d: u8) -> At {
    At { name, ip: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), v6only: false }
}

const fn v6(name: &'static str, ip: Ipv6Addr, v6only: bool) -> At {
    At { name, ip: IpAddr::V6(ip), v6only }
}

pub(crate) const LOCAL4: At = v4("127.0.0.1", 127, 0, 0, 1);
pub(crate) const OTHER4: At = v4("127.0.0.2", 127, 0, 0, 2);
pub(crate) const ANY4: At = v4("0.0.0.0", 0, 0, 0, 0);
pub(crate) const LOCAL6: At = v6("::1", Ipv6Addr::LOCALHOST, false);
pub(crate) const DUAL: At = v6("::dual", Ipv6Addr::UNSPECIFIED, false);
pub(crate) const ONLY6: At = v6("::v6only", Ipv6Addr::UNSPECIFIED, true);
pub(crate) const MAPPED: At = v6("::ffff:127.0.0.1", Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0x7f00, 1), false);
/// Of the interface that [`INTERFACE`] makes.
pub(crate) const VETH4: At = v4("10.77.0.1 (veth)", 10, 77, 0, 1);
pub(crate) const VETH6: At = v6("fd77::1 (veth)", Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 1), false);

/// Commands for ip(8). Nobody answers behind the neighbour.
pub(crate) const INTERFACE: &str = "\
link add veth0 type veth peer name veth1
addr add 10.77.0.1/24 dev veth0
addr add fd77::1/64 dev veth0 nodad
link set veth0 up
link set veth1 up
neigh add 10.77.0.99 lladdr 02:00:00:00:00:99 dev veth0
";

/// Where [`INTERFACE`] lets SYNs vanish.
pub(crate) const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 77, 0, 99)), 9);

/// The servers by which the truth is found: what nearly all software binds.
pub(crate) const SERVERS: [At; 4] = [LOCAL4, ANY4, LOCAL6, DUAL];

impl At {
    pub(crate) fn port(self, port: u16) -> SocketAddr {
        SocketAddr::new(self.ip, port)
    }

    /// Where a client on this machine reaches a server that is bound here. A
    /// dual-stack one is reached over IPv4, which is the harder case.
    pub(crate) fn reach(self, port: u16) -> SocketAddr {
        let ip = if self == ANY4 || self == DUAL || self == MAPPED { LOCAL4.ip } else { self.ip };
        SocketAddr::new(if self == ONLY6 { LOCAL6.ip } else { ip }, port)
    }
}

/// The option set before the bind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Opt {
    Plain,
    /// SO_REUSEADDR
    Ra,
    /// SO_REUSEPORT
    Rp,
}

impl Opt {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Ra => " RA",
            Self::Rp => " RP",
        }
    }
}

pub(crate) fn unbound(kind: SocketType, ip: IpAddr) -> OwnedFd {
    let family = if ip.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    socket_with(family, kind, SocketFlags::CLOEXEC, None).unwrap()
}

pub(crate) fn try_bound(kind: SocketType, at: At, opt: Opt, port: u16) -> Result<OwnedFd, Errno> {
    let fd = unbound(kind, at.ip);
    if at.ip.is_ipv6() {
        sockopt::set_ipv6_v6only(&fd, at.v6only)?;
    }
    sockopt::set_socket_reuseaddr(&fd, opt == Opt::Ra)?;
    sockopt::set_socket_reuseport(&fd, opt == Opt::Rp)?;
    bind(&fd, &at.port(port))?;
    Ok(fd)
}

pub(crate) fn bound(kind: SocketType, at: At, opt: Opt, port: u16) -> OwnedFd {
    try_bound(kind, at, opt, port).unwrap()
}

pub(crate) fn listener(at: At, opt: Opt, port: u16) -> OwnedFd {
    let fd = bound(SocketType::STREAM, at, opt, port);
    listen(&fd, 16).unwrap();
    fd
}

/// A server elsewhere, for clients whose source port is in question.
pub(crate) fn server_elsewhere(at: At) -> (OwnedFd, SocketAddr) {
    let fd = listener(at, Opt::Ra, 0);
    let address = getsockname(&fd).unwrap().try_into().unwrap();
    (fd, address)
}

/// A connection to a listener: the accepted end and the client's.
pub(crate) fn accepted(listener: &OwnedFd, client: OwnedFd, to: SocketAddr) -> (OwnedFd, OwnedFd) {
    connect(&client, &to).unwrap();
    let (served, _from) = acceptfrom(listener).unwrap();
    (served, client)
}

/// Makes the kernel choose `port` for every socket that `work` leaves to it.
pub(crate) fn autobinding<T>(port: u16, work: impl FnOnce() -> T) -> T {
    const FILE: &str = "/proc/sys/net/ipv4/ip_local_port_range";
    let set = |range: &str| File::options().write(true).open(FILE).unwrap().write_all(range.as_bytes());
    let before = fs::read_to_string(FILE).unwrap();
    set(&format!("{port} {port}")).unwrap();
    let done = work();
    set(&before).unwrap();
    done
}

/// The servers that cannot bind (and, over TCP, listen on) `port` now.
pub(crate) fn failing_servers(kind: SocketType, port: u16) -> Vec<&'static str> {
    let serves = |at: At| {
        if kind == SocketType::DGRAM {
            return try_bound(kind, at, Opt::Plain, port).is_ok();
        }
        try_bound(kind, at, Opt::Ra, port).is_ok_and(|fd| listen(&fd, 16).is_ok())
    };
    SERVERS.into_iter().filter(|at| !serves(*at)).map(|at| at.name).collect()
}

/// A state as `net/tcp_states.h` numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TcpState {
    Established = 1,
    SynSent = 2,
    FinWait2 = 5,
    TimeWait = 6,
    CloseWait = 8,
}

/// Waits until what is on `port` is one socket in `state` and nothing else.
/// Over loopback that takes no longer than the calls that lead to it.
pub(crate) fn wait_for_state(port: u16, state: TcpState) {
    const TRIES: usize = 10_000;
    let mut states = Vec::new();
    for _ in 0..TRIES {
        states = states_on(port);
        if states == [state as u8] {
            return;
        }
        std::thread::yield_now();
    }
    panic!("the sockets on {port} are in the states {states:?}, not in {state:?}");
}

/// From `/proc/net/tcp`, whose second column ends with the local port and
/// whose fourth is the state.
fn states_on(port: u16) -> Vec<u8> {
    let of = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let local = words.nth(1)?.rsplit_once(':')?.1;
        let state = words.nth(1)?;
        (u16::from_str_radix(local, 16) == Ok(port)).then(|| u8::from_str_radix(state, 16).ok()).flatten()
    };
    // That of the process is the namespace of its first thread.
    let tables = ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"];
    tables
        .iter()
        .flat_map(|table| fs::read_to_string(table).unwrap().lines().filter_map(of).collect::<Vec<_>>())
        .collect()
}

//! The bind probe: the one question whose answer is what a server would meet.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::OwnedFd,
    sync::{PoisonError, RwLock},
};

use portlease_proto::{Port, Protocol};
use rustix::{
    io::Errno,
    net::{AddressFamily, SocketType, bind, socket_with, sockopt},
};

use super::{Leftovers, SocketError, Verdict};

/// Held for writing while a probe is bound: to another probe, and in the tables,
/// it is a socket like others, and so a stranger on the port.
static PROBING: RwLock<()> = RwLock::new(());

/// Reads something of the kernel while no probe of ours is bound.
pub(super) fn without_probes<T>(read: impl FnOnce() -> T) -> T {
    let _none = PROBING.read().unwrap_or_else(PoisonError::into_inner);
    read()
}

/// Binds as a server would and lets go at once.
pub(super) fn probe(port: Port, protocol: Protocol, leftovers: Leftovers) -> Result<Verdict, SocketError> {
    let _alone = PROBING.write().unwrap_or_else(PoisonError::into_inner);
    if protocol.covers_tcp() {
        let reuse = leftovers == Leftovers::Ignored;
        let verdict = dual_bind(port, SocketType::STREAM, reuse)?;
        if verdict != Verdict::Free {
            return Ok(verdict);
        }
    }
    if protocol.covers_udp() {
        // A UDP socket leaves nothing behind, and SO_REUSEADDR would share the
        // port with a live one.
        let verdict = dual_bind(port, SocketType::DGRAM, false)?;
        if verdict != Verdict::Free {
            return Ok(verdict);
        }
        return wildcard_v4_bind(port, SocketType::DGRAM, false);
    }
    Ok(Verdict::Free)
}

/// `[::]` with IPV6_V6ONLY off: in conflict with a socket on any local address
/// of either family. Where IPv6 is off, 0.0.0.0 covers all that is left.
#[cfg(target_os = "linux")]
fn dual_bind(port: Port, kind: SocketType, reuse: bool) -> Result<Verdict, SocketError> {
    let fd = match open(AddressFamily::INET6, kind, reuse) {
        Err(Errno::AFNOSUPPORT) => return wildcard_v4_bind(port, kind, reuse),
        fd => fd.map_err(|errno| SocketError::call("open a probe socket", errno))?,
    };
    sockopt::set_ipv6_v6only(&fd, false)
        .map_err(|errno| SocketError::call("make a probe dual-stack", errno))?;
    verdict(bind(&fd, &SocketAddr::from((Ipv6Addr::UNSPECIFIED, port.get()))))
}

/// There, binds are in conflict with equal addresses only, so each wildcard is
/// asked by itself, and without SO_REUSEADDR.
#[cfg(target_os = "macos")]
fn dual_bind(port: Port, kind: SocketType, _reuse: bool) -> Result<Verdict, SocketError> {
    match open(AddressFamily::INET6, kind, false) {
        Err(Errno::AFNOSUPPORT) => {}
        fd => {
            let fd = fd.map_err(|errno| SocketError::call("open a probe socket", errno))?;
            let verdict = verdict(bind(&fd, &SocketAddr::from((Ipv6Addr::UNSPECIFIED, port.get()))))?;
            if verdict != Verdict::Free {
                return Ok(verdict);
            }
        }
    }
    wildcard_v4_bind(port, kind, false)
}

fn wildcard_v4_bind(port: Port, kind: SocketType, reuse: bool) -> Result<Verdict, SocketError> {
    let fd = open(AddressFamily::INET, kind, reuse)
        .map_err(|errno| SocketError::call("open a probe socket", errno))?;
    verdict(bind(&fd, &SocketAddr::from((Ipv4Addr::UNSPECIFIED, port.get()))))
}

fn open(family: AddressFamily, kind: SocketType, reuse: bool) -> Result<OwnedFd, Errno> {
    #[cfg(target_os = "linux")]
    let fd = socket_with(family, kind, rustix::net::SocketFlags::CLOEXEC, None)?;
    #[cfg(not(target_os = "linux"))]
    let fd = rustix::net::socket(family, kind, None)?;
    if reuse {
        sockopt::set_socket_reuseaddr(&fd, true)?;
    }
    Ok(fd)
}

fn verdict(bound: Result<(), Errno>) -> Result<Verdict, SocketError> {
    match bound {
        Ok(()) => Ok(Verdict::Free),
        Err(Errno::ADDRINUSE) => Ok(Verdict::InUse),
        Err(Errno::ACCESS | Errno::PERM) => Ok(Verdict::Privileged),
        Err(errno) => Err(SocketError::call("bind a probe socket", errno)),
    }
}

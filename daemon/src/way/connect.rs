//! One connection to each address.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr, TcpStream},
    time::Duration,
};

use rustix::net::{AddressFamily, SocketType, bind, socket};

use crate::doctor::{Attempt, Facts, Outcome};

/// Within this machine a connection takes microseconds; the kernel asks a
/// second time after 1 s.
const PATIENCE: Duration = Duration::from_secs(1);

/// Tries every address that a listener takes connections to; those that were
/// taken are still open.
pub(super) fn attempts(facts: &Facts) -> (Vec<Attempt>, Vec<TcpStream>) {
    let mut streams = Vec::new();
    // A full queue would look like a firewall.
    let addresses = if facts.is_queue_full() { Vec::new() } else { facts.host.addresses() };
    let reached = addresses.into_iter().filter(|address| facts.reaches(*address));
    let attempts = reached.filter_map(|address| {
        let address = SocketAddr::new(address, facts.report.port.get());
        let outcome = attempt(address, &mut streams)?;
        Some(Attempt { address, outcome })
    });
    (attempts.collect(), streams)
}

/// None where it tells nothing of the way, such as that we are out of files.
fn attempt(address: SocketAddr, streams: &mut Vec<TcpStream>) -> Option<Outcome> {
    // Nobody makes this daemon call other machines.
    if !is_ours(address.ip()) {
        return Some(Outcome::Absent);
    }
    let error = match TcpStream::connect_timeout(&address, PATIENCE) {
        Ok(stream) => {
            streams.push(stream);
            return Some(Outcome::Answered);
        }
        Err(error) => error,
    };
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Some(Outcome::Silent),
        ErrorKind::ConnectionRefused
        | ErrorKind::ConnectionReset
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::PermissionDenied => Some(Outcome::Rejected),
        _ => None,
    }
}

/// The kernel binds to the addresses of this machine alone.
fn is_ours(address: IpAddr) -> bool {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let bound = socket(family, SocketType::STREAM, None)
        .and_then(|fd| bind(&fd, &SocketAddr::new(address, 0)))
        .map_err(io::Error::from);
    bound.is_ok()
}

//! Linux: the bind probe, sock_diag and abstract socket names.

mod claim;
mod closings;
mod hold;
mod kernel_ranges;
mod netlink;
mod sock_diag;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use portlease_proto::{Port, Protocol};

pub use claim::Claim;
pub use closings::Closings;
pub use hold::Hold;

use super::{
    ClaimError, HoldError, Leftovers, Peer, SocketDetail, SocketError, SocketRow, Sockets, Transport,
    Verdict,
    probe::{self, without_probes},
    witness,
};
use crate::allocator::KernelRanges;
use netlink::{ALL_STATES, LISTENING, RawRow, SERVING};
use sock_diag::SockDiag;

const ALL_TRANSPORTS: [Transport; 2] = [Transport::Tcp, Transport::Udp];

/// The running kernel.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemSockets;

impl Sockets for SystemSockets {
    fn probe(&self, port: Port, protocol: Protocol, leftovers: Leftovers) -> Result<Verdict, SocketError> {
        probe::probe(port, protocol, leftovers)
    }

    fn look_up(&self, port: Port, protocol: Protocol) -> Result<Vec<SocketRow>, SocketError> {
        let diag = SockDiag::open()?;
        without_probes(|| {
            let mut rows = Vec::new();
            for transport in transports(protocol) {
                for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
                    let row = diag.look_up(transport, address, port)?;
                    rows.extend(row.filter(|row| !rows.contains(row)));
                }
            }
            Ok(rows)
        })
    }

    fn connected(&self, local: SocketAddr, remote: SocketAddr) -> Result<Option<Peer>, SocketError> {
        SockDiag::open()?.connected(local, remote)
    }

    fn on_port(&self, port: Port) -> Result<Vec<SocketRow>, SocketError> {
        let diag = SockDiag::open()?;
        without_probes(|| diag.dump(&ALL_TRANSPORTS, Some(port), ALL_STATES, RawRow::listing))
    }

    fn in_detail(&self, port: Port) -> Result<Vec<SocketDetail>, SocketError> {
        let diag = SockDiag::open()?;
        without_probes(|| diag.dump(&ALL_TRANSPORTS, Some(port), ALL_STATES, RawRow::detail))
    }

    fn serving_on(&self, port: Port) -> Result<Vec<SocketDetail>, SocketError> {
        let diag = SockDiag::open()?;
        let mut all = without_probes(|| diag.dump_tcp(Some(port), LISTENING, RawRow::detail))?;
        // Binds tell sooner that there is none than the whole table, read for each family.
        if probe::probe(port, Protocol::Udp, Leftovers::InTheWay)? != Verdict::Free {
            let udp = || diag.dump(&[Transport::Udp], Some(port), ALL_STATES, RawRow::detail);
            all.extend(without_probes(udp)?);
        }
        Ok(all)
    }

    fn listeners(&self) -> Result<Vec<SocketDetail>, SocketError> {
        let diag = SockDiag::open()?;
        let read = || {
            let mut all = diag.dump(&[Transport::Tcp], None, SERVING, RawRow::detail)?;
            all.extend(diag.dump(&[Transport::Udp], None, ALL_STATES, RawRow::detail)?);
            Ok(all)
        };
        witness::witnessed(|| without_probes(read), |detail| &detail.row)
    }

    fn listening(&self) -> Result<Vec<SocketRow>, SocketError> {
        let diag = SockDiag::open()?;
        without_probes(|| {
            let mut rows = diag.dump_tcp(None, LISTENING, RawRow::listing)?;
            rows.extend(diag.dump(&[Transport::Udp], None, ALL_STATES, RawRow::listing)?);
            Ok(rows)
        })
    }

    fn serving(&self) -> Result<Vec<SocketRow>, SocketError> {
        let diag = SockDiag::open()?;
        without_probes(|| {
            let mut rows = diag.dump_tcp(None, SERVING, RawRow::listing)?;
            rows.extend(diag.dump(&[Transport::Udp], None, ALL_STATES, RawRow::listing)?);
            Ok(rows)
        })
    }

    fn hold(&self, port: Port) -> Result<Hold, HoldError> {
        Hold::take(port)
    }

    fn claim(&self, port: Port) -> Result<Claim, ClaimError> {
        Claim::take(port)
    }

    fn kernel_ranges(&self) -> KernelRanges {
        kernel_ranges::read()
    }
}

fn transports(protocol: Protocol) -> impl Iterator<Item = Transport> {
    let tcp = protocol.covers_tcp().then_some(Transport::Tcp);
    tcp.into_iter().chain(protocol.covers_udp().then_some(Transport::Udp))
}

/// For `fuzz/`: a datagram of the kernel's, read in each way there is.
#[cfg(fuzzing)]
pub(crate) fn fuzz(bytes: &[u8]) {
    let messages = netlink::messages(bytes).unwrap_or_default();
    for message in &messages {
        let netlink::Message::Row(row) = message else { continue };
        for transport in ALL_TRANSPORTS {
            let listing = row.listing(transport);
            // A row without a port is no socket of anybody's.
            assert_eq!(listing.is_some(), row.detail(transport).is_some());
        }
        let _established = row.is_established();
    }
    let _port = netlink::closed_port(bytes);
}

/// For `fuzz/`: the kernel's ranges.
#[cfg(fuzzing)]
pub(crate) fn fuzz_text(text: &str) {
    let _range = kernel_ranges::parse_ephemeral(text);
    for range in kernel_ranges::parse_reserved(text) {
        assert!(range.first() <= range.last());
    }
}

#[cfg(test)]
mod tests;

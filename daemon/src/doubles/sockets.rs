//! A kernel that answers from a table of sockets, and can be made to fail.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Mutex, MutexGuard},
};

use portlease_proto::{Port, Protocol};

use crate::{
    allocator::KernelRanges,
    sockets::{
        Claim, ClaimError, Hold, HoldError, Leftovers, Peer, SocketDetail, SocketError, SocketRow,
        SocketState, Sockets, Transport, Verdict,
    },
};

/// Answers as the kernel would, from a table of sockets.
#[derive(Debug, Default)]
pub(crate) struct FixedSockets(Mutex<Kernel>);

/// What [`FixedSockets`] answers from.
#[derive(Debug, Default)]
pub(crate) struct Kernel {
    pub(crate) rows: Vec<SocketRow>,
    /// Only root may bind these.
    pub(crate) privileged: BTreeSet<Port>,
    /// What is left on these was left by a server without SO_REUSEADDR, and
    /// keeps even a server that sets it from binding.
    pub(crate) stubborn: BTreeSet<Port>,
    /// Another daemon has these.
    pub(crate) claimed_elsewhere: BTreeSet<Port>,
    pub(crate) ranges: KernelRanges,
    /// What every question is answered with, when set.
    pub(crate) fails: Option<fn() -> SocketError>,
    /// Whether sockets cannot be listed, as in a sandbox without netlink.
    pub(crate) blind: bool,
    /// What every claim is answered with, when set.
    pub(crate) claims_fail: Option<fn() -> ClaimError>,
    pub(crate) asked: Asked,
}

/// How often each question was asked.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) probe: usize,
    pub(crate) look_up: usize,
    pub(crate) on_port: usize,
    pub(crate) listeners: usize,
    pub(crate) claim: usize,
    pub(crate) hold: usize,
    pub(crate) serving: usize,
    /// Listings of listeners alone.
    pub(crate) listening: usize,
}

impl FixedSockets {
    /// What it answers from, to be read or changed. Let go of it before the
    /// manager is asked anything.
    pub(crate) fn kernel(&self) -> MutexGuard<'_, Kernel> {
        self.0.lock().unwrap()
    }

    /// Adds a socket that listens on all addresses.
    pub(crate) fn listen(&self, transport: Transport, port: Port, uid: u32, inode: u64) {
        self.add(transport, port, SocketState::Listening, uid, inode);
    }

    /// Adds what a closed connection left (TIME_WAIT).
    pub(crate) fn leave(&self, port: Port) {
        self.add(Transport::Tcp, port, SocketState::Leftover, 0, 0);
    }

    /// Adds a socket of `uid` on all addresses.
    pub(crate) fn add(&self, transport: Transport, port: Port, state: SocketState, uid: u32, inode: u64) {
        let address = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        self.kernel().rows.push(SocketRow {
            transport,
            address,
            port,
            state,
            uid: Some(uid),
            inode,
            pid: None,
        });
    }

    /// Has every socket on loopback alone.
    pub(crate) fn only_on_loopback(&self) {
        let local = IpAddr::from([127, 0, 0, 1]);
        self.kernel().rows.iter_mut().for_each(|row| row.address = local);
    }

    /// Takes every socket away from `port`.
    pub(crate) fn clear(&self, port: Port) {
        self.kernel().rows.retain(|row| row.port != port);
    }

    fn ask<T>(
        &self,
        count: fn(&mut Asked) -> &mut usize,
        answer: impl FnOnce(&Kernel) -> T,
    ) -> Result<T, SocketError> {
        let mut kernel = self.kernel();
        *count(&mut kernel.asked) += 1;
        match kernel.fails {
            Some(error) => Err(error()),
            None => Ok(answer(&kernel)),
        }
    }
}

impl Sockets for FixedSockets {
    fn probe(&self, port: Port, protocol: Protocol, leftovers: Leftovers) -> Result<Verdict, SocketError> {
        self.ask(
            |asked| &mut asked.probe,
            |kernel| {
                if kernel.privileged.contains(&port) {
                    return Verdict::Privileged;
                }
                let in_the_way = |row: &SocketRow| match leftovers {
                    Leftovers::InTheWay => row.is_covered_by(protocol),
                    Leftovers::Ignored if kernel.stubborn.contains(&port) => row.is_covered_by(protocol),
                    Leftovers::Ignored => row.occupies(protocol),
                };
                match kernel.rows.iter().any(|row| row.port == port && in_the_way(row)) {
                    true => Verdict::InUse,
                    false => Verdict::Free,
                }
            },
        )
    }

    fn look_up(&self, port: Port, protocol: Protocol) -> Result<Vec<SocketRow>, SocketError> {
        let reached = |row: &SocketRow| {
            let local = row.address.is_loopback() || row.address.is_unspecified();
            row.port == port && local && row.is_covered_by(protocol) && row.state == SocketState::Listening
        };
        let rows = |kernel: &Kernel| kernel.rows.iter().copied().filter(reached).collect();
        self.ask(|asked| &mut asked.look_up, rows)
    }

    fn connected(&self, _local: SocketAddr, _remote: SocketAddr) -> Result<Option<Peer>, SocketError> {
        Ok(None)
    }

    fn on_port(&self, port: Port) -> Result<Vec<SocketRow>, SocketError> {
        let rows = |kernel: &Kernel| kernel.rows.iter().copied().filter(|row| row.port == port).collect();
        if self.kernel().blind {
            return Err(SocketError::Garbled("the test says so"));
        }
        self.ask(|asked| &mut asked.on_port, rows)
    }

    fn in_detail(&self, port: Port) -> Result<Vec<SocketDetail>, SocketError> {
        Ok(self.on_port(port)?.into_iter().map(SocketDetail::of).collect())
    }

    fn serving_on(&self, port: Port) -> Result<Vec<SocketDetail>, SocketError> {
        let serves = |row: &SocketRow| {
            let listens = row.transport == Transport::Udp || row.state == SocketState::Listening;
            row.port == port && listens
        };
        let rows =
            |kernel: &Kernel| kernel.rows.iter().copied().filter(serves).map(SocketDetail::of).collect();
        self.ask(|asked| &mut asked.serving, rows)
    }

    fn listeners(&self) -> Result<Vec<SocketDetail>, SocketError> {
        let rows = |kernel: &Kernel| {
            let rows = kernel.rows.iter().copied().filter(|row| row.occupies(Protocol::Both));
            rows.map(SocketDetail::of).collect()
        };
        self.ask(|asked| &mut asked.listeners, rows)
    }

    fn claim(&self, port: Port) -> Result<Claim, ClaimError> {
        let mut kernel = self.kernel();
        kernel.asked.claim += 1;
        match kernel.claims_fail {
            Some(error) => Err(error()),
            None if kernel.claimed_elsewhere.contains(&port) => Err(ClaimError::Taken),
            None => Ok(Claim::of_nothing()),
        }
    }

    fn listening(&self) -> Result<Vec<SocketRow>, SocketError> {
        let serves = |row: &SocketRow| row.occupies(Protocol::Both) && row.state != SocketState::BoundOnly;
        let rows = |kernel: &Kernel| kernel.rows.iter().copied().filter(serves).collect();
        self.ask(|asked| &mut asked.listening, rows)
    }

    fn serving(&self) -> Result<Vec<SocketRow>, SocketError> {
        let rows = |kernel: &Kernel| {
            kernel.rows.iter().copied().filter(|row| row.occupies(Protocol::Both)).collect()
        };
        self.ask(|asked| &mut asked.serving, rows)
    }

    fn hold(&self, port: Port) -> Result<Hold, HoldError> {
        let mut kernel = self.kernel();
        kernel.asked.hold += 1;
        match kernel.rows.iter().any(|row| row.port == port && row.is_covered_by(Protocol::Tcp)) {
            true => Err(HoldError::InUse),
            false => Ok(Hold::of_nothing()),
        }
    }

    fn kernel_ranges(&self) -> KernelRanges {
        self.kernel().ranges.clone()
    }
}

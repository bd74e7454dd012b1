//! One port explained: every socket on it and who is behind each.

use portlease_proto::{BusyReason, Lease, Port, PortReport, Protocol, SocketState};

use super::{
    Error, Manager,
    holders::{Names, holders, socket},
    identify::{Occupancy, Occupant},
    view,
};
use crate::{
    registry::Record,
    sockets::{Leftovers, SocketDetail, Transport, Verdict},
    well_known,
};

/// Which sockets of a port are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Those that serve it, if that is who has it: then connections, and what
    /// is bound beside a listener, are left out.
    Serving,
    /// All. It takes milliseconds: the kernel walks its largest tables.
    All,
}

/// What the kernel says of a port.
struct Look {
    verdict: Verdict,
    sockets: Vec<SocketDetail>,
}

impl Manager {
    /// What is on one port. May walk all processes.
    ///
    /// # Errors
    /// [`Error::Sockets`].
    pub fn port(&self, port: Port, extent: Extent) -> Result<PortReport, Error> {
        let Look { verdict, sockets } = self.look(port, extent)?;
        let occupants = self.recognise(sockets.iter().map(|detail| detail.row).collect());
        let mut names = Names::new(self.edges.processes.as_ref());
        let holders = holders(self.edges.processes.as_ref(), port, &occupants, &mut names);
        let mut shown: Vec<_> = sockets
            .iter()
            .zip(&occupants)
            .map(|(detail, occupant)| socket(detail, occupant, &mut names))
            .collect();
        shown.sort_by_key(|socket| (socket.state, socket.transport, socket.address, socket.remote));
        Ok(PortReport {
            port,
            free: verdict == Verdict::Free,
            reason: reason(verdict, &sockets),
            excluded: self.excluded(port),
            sockets: shown,
            holders,
            lease: self.lease_on(port, &occupants)?,
            well_known: well_known::name(port),
        })
    }

    /// As [`Manager::port`], if no socket at all is on it: that takes but a
    /// bind probe.
    ///
    /// # Errors
    /// [`Error::Sockets`].
    pub fn try_port(&self, port: Port) -> Result<Option<PortReport>, Error> {
        // Any socket whatever is in the way of a plain bind.
        if self.edges.sockets.probe(port, Protocol::Both, Leftovers::InTheWay)? != Verdict::Free {
            return Ok(None);
        }
        Ok(Some(PortReport {
            port,
            free: true,
            reason: None,
            excluded: self.excluded(port),
            sockets: Vec::new(),
            holders: Vec::new(),
            lease: self.lease_on(port, &[])?,
            well_known: well_known::name(port),
        }))
    }

    /// The sockets are looked at between two words of the kernel that are the
    /// same, so that they explain it.
    fn look(&self, port: Port, extent: Extent) -> Result<Look, Error> {
        let mut look = self.look_twice(port, extent)?;
        self.leave_out_holds(&mut look.sockets);
        Ok(look)
    }

    /// A hold of ours is in nobody's way; the lease says that there is one.
    pub(super) fn leave_out_holds(&self, sockets: &mut Vec<SocketDetail>) {
        let inner = self.lock();
        sockets.retain(|detail| !inner.kept.is_hold(detail.row.port, detail.row.inode));
    }

    fn look_twice(&self, port: Port, extent: Extent) -> Result<Look, Error> {
        const ATTEMPTS: usize = 3;
        let probe = || self.edges.sockets.probe(port, Protocol::Both, Leftovers::Ignored);
        let mut verdict = probe()?;
        for _ in 1..ATTEMPTS {
            let sockets = self.sockets_on(port, extent)?;
            let after = probe()?;
            if after == verdict {
                return Ok(Look { verdict, sockets });
            }
            verdict = after;
        }
        Ok(Look { verdict, sockets: self.sockets_on(port, extent)? })
    }

    fn sockets_on(&self, port: Port, extent: Extent) -> Result<Vec<SocketDetail>, Error> {
        let sockets = &self.edges.sockets;
        if extent == Extent::Serving {
            let serving = sockets.serving_on(port)?;
            let is_listener = |detail: &SocketDetail| detail.row.transport == Transport::Tcp;
            // Of UDP that is every socket. Of TCP it tells who has the port if
            // one listens; else a socket that only the large tables show may be there.
            let whole = |nothing: Result<Verdict, _>| nothing.map(|verdict| verdict == Verdict::Free);
            if serving.iter().any(is_listener)
                || whole(sockets.probe(port, Protocol::Tcp, Leftovers::InTheWay))?
            {
                return Ok(serving);
            }
        }
        Ok(sockets.in_detail(port)?)
    }

    fn excluded(&self, port: Port) -> Option<String> {
        self.exclusions().why(port, Protocol::Both).map(|why| why.to_string())
    }

    /// The lease that has the port, given all that is on it.
    fn lease_on(&self, port: Port, occupants: &[Occupant]) -> Result<Option<Lease>, Error> {
        let now = self.edges.clock.now();
        let (record, sight) = {
            let mut inner = self.lock();
            inner.sweep(&self.edges, now);
            let Some(record) = inner.registry.at(port).cloned() else { return Ok(None) };
            let occupancy = match self.is_idle(&record)? {
                true => Occupancy::Idle,
                false => inner.judge(&self.edges, &record, occupants),
            };
            let sight = inner.sight(&record, occupancy);
            (record, sight)
        };
        Ok(Some(view::lease(&record, sight, now)))
    }

    fn is_idle(&self, record: &Record) -> Result<bool, Error> {
        Ok(self.edges.sockets.probe(record.port, record.protocol, Leftovers::Ignored)? == Verdict::Free)
    }
}

/// Why the kernel refuses the port, as its sockets explain it.
fn reason(verdict: Verdict, sockets: &[SocketDetail]) -> Option<BusyReason> {
    let any = |states: &[SocketState]| sockets.iter().any(|socket| states.contains(&socket.state));
    let living = |socket: &SocketDetail| socket.row.inode != 0 || socket.row.pid.is_some();
    match verdict {
        Verdict::Free => None,
        Verdict::Privileged => Some(BusyReason::Privileged),
        Verdict::InUse if any(&[SocketState::Listening]) => Some(BusyReason::InUse),
        Verdict::InUse if any(&[SocketState::Bound]) => Some(BusyReason::Bound),
        Verdict::InUse if sockets.iter().any(living) => Some(BusyReason::Connected),
        Verdict::InUse if !sockets.is_empty() => Some(BusyReason::Leftovers),
        Verdict::InUse => Some(BusyReason::Unseen),
    }
}

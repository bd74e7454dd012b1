//! One port explained: every socket on it and who is behind each.

use portlease_proto::{BusyReason, Lease, Port, PortReport, Protocol, SocketState};

use super::{
    Error, Manager,
    holders::{Names, holders, socket},
    identify::{Occupancy, Occupant},
    told, view,
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
        let began = self.edges.clock.now().boot;
        let look = self.look(port, extent)?;
        let processes = self.edges.processes.as_ref();
        let occupants = self.recognise_anew(look.sockets.iter().map(|detail| detail.row).collect());
        let mut names = Names::new(processes);
        if extent == Extent::All {
            return self.report(port, &look, &occupants, &mut names);
        }
        // Before anything is told of them: what changes meanwhile shows then.
        let chains = told::chains(processes, &occupants);
        let report = self.report(port, &look, &occupants, &mut names)?;
        self.lock().told.keep(port, began, chains, names.found);
        Ok(report)
    }

    fn report(
        &self,
        port: Port,
        Look { verdict, sockets }: &Look,
        occupants: &[Occupant],
        names: &mut Names<'_>,
    ) -> Result<PortReport, Error> {
        let holders = holders(port, occupants, names);
        let mut shown: Vec<_> =
            sockets.iter().zip(occupants).map(|(detail, occupant)| socket(detail, occupant, names)).collect();
        shown.sort_by_key(|socket| (socket.state, socket.transport, socket.address, socket.remote));
        Ok(PortReport {
            port,
            free: *verdict == Verdict::Free,
            reason: reason(*verdict, sockets),
            excluded: self.excluded(port),
            sockets: shown,
            holders,
            lease: self.lease_on(port, occupants)?,
            well_known: well_known::name(port),
        })
    }

    /// As [`Manager::port`], if that takes no waiting for anybody: a bind probe
    /// tells that no socket at all is on it, or what was told of its holders a
    /// moment ago is still so.
    ///
    /// # Errors
    /// [`Error::Sockets`].
    pub fn try_port(&self, port: Port, extent: Extent) -> Result<Option<PortReport>, Error> {
        // Any socket whatever is in the way of a plain bind.
        let verdict = self.edges.sockets.probe(port, Protocol::Both, Leftovers::InTheWay)?;
        if verdict != Verdict::Free {
            return match extent {
                Extent::Serving => self.port_again(port, verdict),
                Extent::All => Ok(None),
            };
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

    /// As [`Manager::port`], if it is the same as a moment ago, with the same
    /// word of the kernel before and after the sockets are looked at.
    fn port_again(&self, port: Port, verdict: Verdict) -> Result<Option<PortReport>, Error> {
        let now = self.edges.clock.now().boot;
        if !self.lock().told.is_fresh(port, now) {
            return Ok(None);
        }
        let Some(mut sockets) = self.serving_on(port)? else { return Ok(None) };
        if self.edges.sockets.probe(port, Protocol::Both, Leftovers::Ignored)? != verdict {
            return Ok(None);
        }
        self.leave_out_holds(&mut sockets);
        let told = self.lock().told_again(&self.edges, port, &sockets);
        let Some((occupants, facts)) = told else { return Ok(None) };
        let mut names = Names::with(self.edges.processes.as_ref(), facts);
        self.report(port, &Look { verdict, sockets }, &occupants, &mut names).map(Some)
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
        if extent == Extent::Serving
            && let Some(serving) = self.serving_on(port)?
        {
            return Ok(serving);
        }
        Ok(self.edges.sockets.in_detail(port)?)
    }

    /// Who serves the port, if that is who has it.
    fn serving_on(&self, port: Port) -> Result<Option<Vec<SocketDetail>>, Error> {
        let sockets = &self.edges.sockets;
        let serving = sockets.serving_on(port)?;
        let is_listener = |detail: &SocketDetail| detail.row.transport == Transport::Tcp;
        // Of UDP that is every socket. Of TCP it tells who has the port if
        // one listens; else a socket that only the large tables show may be there.
        let whole = serving.iter().any(is_listener)
            || sockets.probe(port, Protocol::Tcp, Leftovers::InTheWay)? == Verdict::Free;
        Ok(whole.then_some(serving))
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

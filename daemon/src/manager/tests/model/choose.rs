//! Which port a request gets.

use portlease_proto::Port;

use super::{
    FEW, Name, Refusal, Want,
    plain::{Lease, Plain, Who},
};

/// One lease that is about to be granted.
pub(super) struct Placed {
    pub(super) name: Name,
    pub(super) before: Option<Lease>,
    pub(super) lease: Lease,
    pub(super) bound: bool,
}

/// What is about to be granted, and was claimed for it.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) placed: Vec<Placed>,
    pub(super) fresh: Vec<Port>,
}

impl Placed {
    pub(super) fn is_change(&self) -> bool {
        self.before.as_ref() != Some(&self.lease)
    }

    /// The port that it had and has no longer.
    pub(super) fn left(&self) -> Option<Port> {
        self.before.as_ref().map(|before| before.port).filter(|port| *port != self.lease.port)
    }
}

impl Plain {
    pub(super) fn fill(&mut self, draft: &mut Draft, name: Name, want: &Want) -> Result<(), Refusal> {
        match self.saved.leases.get(&name).cloned() {
            None => self.place(draft, name, want, None, false),
            Some(lease) if want.reset => self.place(draft, name, want, Some(lease), false),
            Some(lease) => self.keep(draft, name, want, lease),
        }
    }

    fn keep(&mut self, draft: &mut Draft, name: Name, want: &Want, before: Lease) -> Result<(), Refusal> {
        let claimed = self.claim(before.port);
        let other_port = want.port.is_some_and(|port| port != before.port);
        let other_ttl = want.ttl.is_some_and(|ttl| before.term.is_none_or(|term| term.ttl != ttl));
        let other_owner = want.owner.is_some() && want.owner != before.owner;
        if other_port || other_ttl || other_owner {
            return Err(Refusal::Differs);
        }
        let stay = want.strict || want.port.is_some();
        match self.sockets.get(&before.port) {
            Some(Who::Stranger) if stay => Err(Refusal::InUse),
            Some(Who::Stranger) => self.place(draft, name, want, Some(before), true),
            None if !claimed && stay => Err(Refusal::Claimed),
            None if !claimed => self.place(draft, name, want, Some(before), true),
            here => {
                let bound = here.is_some();
                let mut lease = before.clone();
                if let (Some(ttl), Some(term)) = (want.ttl, before.term)
                    && 2 * (term.until.saturating_sub(self.awake)) < ttl
                {
                    lease.term = Some(self.term(ttl));
                    lease.renewed = self.wall;
                }
                draft.placed.push(Placed { name, before: Some(before), lease, bound });
                Ok(())
            }
        }
    }

    /// `away` when it cannot stay where it is.
    fn place(
        &mut self,
        draft: &mut Draft,
        name: Name,
        want: &Want,
        before: Option<Lease>,
        away: bool,
    ) -> Result<(), Refusal> {
        let own = before.as_ref().map(|before| before.port);
        for port in candidates(name, want) {
            let fits = match own == Some(port) {
                true => self.own_fits(port, away),
                false => self.other_fits(draft, name, port).map(|()| false),
            };
            match fits {
                Ok(bound) => {
                    let lease = self.lease(want, before.as_ref(), port);
                    draft.placed.push(Placed { name, before, lease, bound });
                    return Ok(());
                }
                Err(refusal) if want.port.is_some() => return Err(refusal),
                Err(_next) => {}
            }
        }
        Err(Refusal::Exhausted)
    }

    fn own_fits(&mut self, port: Port, away: bool) -> Result<bool, Refusal> {
        match self.sockets.get(&port) {
            _ if away => Err(Refusal::InUse),
            Some(Who::Stranger) => Err(Refusal::InUse),
            here => {
                let bound = here.is_some();
                if self.claim(port) { Ok(bound) } else { Err(Refusal::Claimed) }
            }
        }
    }

    fn other_fits(&mut self, draft: &mut Draft, name: Name, port: Port) -> Result<(), Refusal> {
        if self.saved.at(port).is_some() {
            return Err(Refusal::Leased);
        }
        let cooling = self.saved.cooling.get(&port).filter(|cooling| cooling.until > self.boot);
        if cooling.is_some_and(|cooling| cooling.project != name.0) {
            return Err(Refusal::Cooling);
        }
        if let Some(placed) = draft.placed.iter().find(|placed| placed.lease.port == port) {
            // What has no lease yet cannot be named.
            return Err(if placed.before.is_some() { Refusal::Leased } else { Refusal::Claimed });
        }
        if self.elsewhere.contains(&port) {
            return Err(Refusal::Claimed);
        }
        if self.sockets.contains_key(&port) {
            return Err(Refusal::InUse);
        }
        self.claimed.insert(port);
        draft.fresh.push(port);
        Ok(())
    }

    fn lease(&self, want: &Want, before: Option<&Lease>, port: Port) -> Lease {
        let stays = before.filter(|before| before.port == port);
        Lease {
            port,
            term: want.ttl.map(|ttl| self.term(ttl)).or(before.and_then(|before| before.term)),
            owner: want.owner.or(before.and_then(|before| before.owner)),
            renewed: stays.map_or(self.wall, |before| before.renewed),
        }
    }

    /// Whether the port of a lease is ours, now if not before.
    fn claim(&mut self, port: Port) -> bool {
        if !self.elsewhere.contains(&port) {
            self.claimed.insert(port);
        }
        self.claimed.contains(&port)
    }
}

/// The exact port alone; else those that are preferred, then all in a ring from
/// the lease's own place, which a table of the first release pins.
fn candidates(name: Name, want: &Want) -> Vec<Port> {
    if let Some(port) = want.port {
        return vec![port];
    }
    let start = super::super::key(&name.to_string());
    let first = crate::allocator::candidates(&start, &Default::default(), &FEW.into()).next();
    let first = first.expect("the pool is not empty").port;
    let ring = FEW.ports().filter(|port| *port >= first).chain(FEW.ports().filter(|port| *port < first));
    let mut all = want.prefer.clone();
    all.extend(ring);
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|port| seen.insert(*port));
    all
}

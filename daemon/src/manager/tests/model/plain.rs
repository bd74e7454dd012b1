//! The leases as maps of numbers. A time is whole seconds.

use std::collections::{BTreeMap, BTreeSet};

use portlease_proto::Port;

use super::{
    Answer, Got, Name, Op, Refusal, Want,
    choose::{Draft, Placed},
    faults::Fault,
};

/// How long a port that was released is kept from other projects.
pub(super) const COOLING: u64 = 60;

/// A lease.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lease {
    pub(super) port: Port,
    pub(super) term: Option<Term>,
    pub(super) owner: Option<u32>,
    pub(super) renewed: u64,
}

/// When it must be renewed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Term {
    pub(super) ttl: u64,
    pub(super) until: u64,
    pub(super) expires: u64,
}

/// A port that was released, and by which project.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cooling {
    pub(super) project: u8,
    pub(super) released: u64,
    pub(super) until: u64,
}

/// What is in the store.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Saved {
    pub(super) leases: BTreeMap<Name, Lease>,
    pub(super) cooling: BTreeMap<Port, Cooling>,
}

/// Who is on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Own,
    Stranger,
}

/// Everything there is.
#[derive(Debug, Clone)]
pub(super) struct Plain {
    pub(super) saved: Saved,
    /// What we have claimed, and what another daemon has.
    pub(super) claimed: BTreeSet<Port>,
    pub(super) elsewhere: BTreeSet<Port>,
    pub(super) sockets: BTreeMap<Port, Who>,
    pub(super) living: BTreeSet<u32>,
    pub(super) wall: u64,
    pub(super) boot: u64,
    pub(super) awake: u64,
    pub(super) fault: Fault<Saved>,
    pub(super) answer: Option<Answer>,
}

impl Plain {
    /// Nothing yet, with these processes.
    pub(super) fn new(living: impl IntoIterator<Item = u32>) -> Self {
        Self {
            saved: Saved::default(),
            claimed: BTreeSet::new(),
            elsewhere: BTreeSet::new(),
            sockets: BTreeMap::new(),
            living: living.into_iter().collect(),
            // As the clock of the doubles begins.
            wall: 1_800_000_000,
            boot: 1000,
            awake: 1000,
            fault: Fault::None,
            answer: None,
        }
    }

    /// Does what is asked.
    pub(super) fn ask(&mut self, op: &Op) -> Answer {
        let answer = match op {
            Op::Get(project, wants) => self.get(*project, wants),
            Op::Renew(name, ttl) => self.renew(*name, *ttl),
            Op::Release(project, service) => self.release(*project, *service),
            Op::Mv(from, to) => self.mv(*from, *to),
            Op::MvProject(from, to) => self.mv_project(*from, *to),
            Op::List => Ok(self.list()),
            Op::Expire => self.sweep().map(|()| Answer::Next(self.next())),
        };
        answer.unwrap_or_else(Answer::Refused)
    }

    fn list(&mut self) -> Answer {
        let _later = self.sweep();
        Answer::Listed(self.saved.leases.iter().map(|(name, lease)| (*name, lease.port)).collect())
    }

    fn get(&mut self, project: u8, wants: &[(u8, Want)]) -> Result<Answer, Refusal> {
        if wants.iter().any(|(_, want)| want.owner.is_some_and(|owner| !self.living.contains(&owner))) {
            return Err(Refusal::BadOwner);
        }
        let _later = self.sweep();
        let mut draft = Draft::default();
        let (exact, others): (Vec<_>, Vec<_>) = wants.iter().partition(|(_, want)| want.port.is_some());
        for (service, want) in exact.into_iter().chain(others) {
            if let Err(refusal) = self.fill(&mut draft, Name(project, *service), want) {
                return Err(self.give_back(&draft, refusal));
            }
        }
        let changed: Vec<_> = draft.placed.iter().filter(|placed| placed.is_change()).collect();
        if changed.iter().any(|placed| placed.lease.owner.is_some_and(|owner| !self.living.contains(&owner)))
        {
            return Err(self.give_back(&draft, Refusal::BadOwner));
        }
        if !changed.is_empty() {
            let mut next = self.saved.clone();
            for placed in &changed {
                next.put(placed.name, placed.lease.clone());
            }
            if let Err(refusal) = self.commit(next) {
                return Err(self.give_back(&draft, refusal));
            }
            for left in changed.iter().filter_map(|placed| placed.left()) {
                self.claimed.remove(&left);
            }
        }
        draft.placed.sort_by_key(|placed| placed.name);
        Ok(Answer::Granted(draft.placed.iter().map(|placed| self.got(placed)).collect()))
    }

    fn got(&self, placed: &Placed) -> Got {
        Got {
            service: placed.name.1,
            port: placed.lease.port,
            created: placed.before.is_none(),
            bound: placed.bound,
            moved_from: placed.left(),
            expires: placed.lease.term.map(|term| self.shown(term)),
        }
    }

    /// The end of a term on the wall clock, as it goes now.
    fn shown(&self, term: Term) -> u64 {
        let counted = self.wall + term.until.saturating_sub(self.awake);
        if counted.abs_diff(term.expires) <= 1 { term.expires } else { counted }
    }

    fn give_back(&mut self, draft: &Draft, refusal: Refusal) -> Refusal {
        self.claimed.retain(|port| !draft.fresh.contains(port));
        refusal
    }

    fn renew(&mut self, name: Name, ttl: Option<u64>) -> Result<Answer, Refusal> {
        let _later = self.sweep();
        let mut lease = self.saved.leases.get(&name).cloned().ok_or(Refusal::NoSuchLease)?;
        lease.term = match (lease.term, ttl) {
            (Some(term), ttl) => Some(self.term(ttl.unwrap_or(term.ttl))),
            (None, None) => None,
            (None, Some(_)) => return Err(Refusal::Stays),
        };
        lease.renewed = self.wall;
        let expires = lease.term.map(|term| term.expires);
        if self.saved.leases.get(&name) != Some(&lease) {
            if lease.owner.is_some_and(|owner| !self.living.contains(&owner)) {
                return Err(Refusal::BadOwner);
            }
            let mut next = self.saved.clone();
            next.put(name, lease);
            self.commit(next)?;
        }
        Ok(Answer::Renewed(expires))
    }

    fn release(&mut self, project: u8, service: Option<u8>) -> Result<Answer, Refusal> {
        let _later = self.sweep();
        let names = self.saved.of_project(project).filter(|name| service.is_none_or(|one| one == name.1));
        let names: Vec<Name> = names.collect();
        if names.is_empty() {
            return Err(Refusal::NoSuchLease);
        }
        self.end(&names)?;
        Ok(Answer::Done)
    }

    fn mv(&mut self, from: Name, to: Name) -> Result<Answer, Refusal> {
        let _later = self.sweep();
        if !self.saved.leases.contains_key(&from) {
            return Err(Refusal::NoSuchLease);
        }
        if self.saved.leases.contains_key(&to) {
            return Err(Refusal::Exists);
        }
        self.rename(&[(from, to)])
    }

    fn mv_project(&mut self, from: u8, to: u8) -> Result<Answer, Refusal> {
        let _later = self.sweep();
        let names: Vec<(Name, Name)> =
            self.saved.of_project(from).map(|name| (name, Name(to, name.1))).collect();
        if names.is_empty() {
            return Err(Refusal::NoSuchLease);
        }
        if self.saved.of_project(to).next().is_some() {
            return Err(Refusal::Exists);
        }
        self.rename(&names)
    }

    fn rename(&mut self, names: &[(Name, Name)]) -> Result<Answer, Refusal> {
        let mut next = self.saved.clone();
        for (from, to) in names {
            let lease = next.leases.remove(from).expect("it was looked up");
            next.put(*to, lease);
        }
        self.commit(next)?;
        Ok(Answer::Done)
    }

    fn is_over(&self, lease: &Lease) -> bool {
        lease.term.is_some_and(|term| term.until <= self.awake)
            || lease.owner.is_some_and(|owner| !self.living.contains(&owner))
    }

    /// Ends what is over.
    fn sweep(&mut self) -> Result<(), Refusal> {
        let over = self.saved.leases.iter().filter(|(_, lease)| self.is_over(lease));
        let over: Vec<Name> = over.map(|(name, _)| *name).collect();
        if over.is_empty() { Ok(()) } else { self.end(&over) }
    }

    fn end(&mut self, names: &[Name]) -> Result<(), Refusal> {
        let mut next = self.saved.clone();
        next.cooling.retain(|_, cooling| cooling.until > self.boot);
        let mut left = Vec::new();
        for name in names {
            let port = next.leases.remove(name).expect("it was looked up").port;
            let cooling = Cooling { project: name.0, released: self.wall, until: self.boot + COOLING };
            next.cooling.insert(port, cooling);
            left.push(port);
        }
        self.commit(next)?;
        self.claimed.retain(|port| !left.contains(port));
        Ok(())
    }

    fn next(&self) -> Option<u64> {
        let ends = self.saved.leases.values().filter_map(|lease| lease.term).map(|term| term.until);
        ends.min().map(|until| until - self.awake)
    }

    fn commit(&mut self, next: Saved) -> Result<(), Refusal> {
        self.saved = self.fault.commit(next).map_err(|_| Refusal::Store)?;
        Ok(())
    }

    pub(super) fn term(&self, ttl: u64) -> Term {
        Term { ttl, until: self.awake + ttl, expires: self.wall + ttl }
    }

    /// The daemon was killed and is started again.
    pub(super) fn restart(&mut self) {
        if let Some(saved) = self.fault.died() {
            self.saved = saved;
        }
        let (wall, boot) = (self.wall, self.boot);
        self.saved.cooling.retain(|_, cooling| {
            cooling.until = boot + COOLING.saturating_sub(wall.saturating_sub(cooling.released));
            cooling.until > boot
        });
        let ports = self.saved.leases.values().map(|lease| lease.port);
        self.claimed = ports.filter(|port| !self.elsewhere.contains(port)).collect();
    }

    /// The machine is started anew: nothing runs, and what must be renewed has
    /// all of its time again.
    pub(super) fn reboot(&mut self) {
        self.sockets.clear();
        self.elsewhere.clear();
        self.living.clear();
        (self.boot, self.awake) = (0, 0);
        let terms = self.saved.leases.values_mut().filter_map(|lease| lease.term.as_mut());
        for term in terms {
            *term = Term { ttl: term.ttl, until: term.ttl, expires: self.wall + term.ttl };
        }
        self.restart();
    }
}

impl Saved {
    fn put(&mut self, name: Name, lease: Lease) {
        self.cooling.remove(&lease.port);
        self.leases.insert(name, lease);
    }

    fn of_project(&self, project: u8) -> impl Iterator<Item = Name> {
        self.leases.keys().copied().filter(move |name| name.0 == project)
    }

    /// Whose the port is.
    pub(super) fn at(&self, port: Port) -> Option<Name> {
        self.leases.iter().find(|(_, lease)| lease.port == port).map(|(name, _)| *name)
    }
}

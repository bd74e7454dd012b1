//! Leases as they are about to be: placed one after another, claimed, and then
//! granted all together or not at all.

use portlease_proto::{Change, Event, EventKind, Explanation, Identified, Port};

use super::{
    Edges, Error, Inner, Manager,
    get::Granted,
    identify::{Interrupt, Occupancy},
    kept::{bad_owner, bad_run},
    view,
};
use crate::{
    clock::Now,
    registry::{self, LeaseKey, Record},
};

/// One lease of a draft.
pub(super) struct Placed {
    pub(super) before: Option<Record>,
    pub(super) record: Record,
    pub(super) occupancy: Occupancy,
    pub(super) changed: Option<Change>,
    pub(super) explain: Option<Explanation>,
}

/// What one request is about to get.
#[derive(Default)]
pub(super) struct Draft {
    placed: Vec<Placed>,
    /// The ports that were claimed for it.
    fresh: Vec<Port>,
    /// What is saved and told with its leases.
    noted: Vec<(registry::Change, Option<Event>)>,
    /// Why its project is another one than was asked for.
    pub(super) identified: Option<Identified>,
}

impl Draft {
    pub(super) fn add(&mut self, placed: Placed) {
        self.placed.push(placed);
    }

    /// Has something saved, and told, together with its leases.
    pub(super) fn note(&mut self, change: registry::Change, event: Option<Event>) {
        self.noted.push((change, event));
    }

    /// Notes that a port was claimed for this draft.
    pub(super) fn claimed(&mut self, port: Port) {
        self.fresh.push(port);
    }

    /// Gives back what was claimed for it, from the given one on.
    pub(super) fn give_back(&mut self, inner: &mut Inner, from: usize) {
        for port in self.fresh.drain(from..) {
            inner.kept.let_go(port);
        }
    }

    /// How many ports were claimed for it so far.
    pub(super) fn claims(&self) -> usize {
        self.fresh.len()
    }

    /// The lease of this draft that has `port`.
    pub(super) fn at(&self, port: Port) -> Option<&LeaseKey> {
        let mut placed = self.placed.iter();
        placed.find(|placed| placed.record.port == port).map(|placed| &placed.record.key)
    }

    /// Puts its leases in an order.
    pub(super) fn sort_by_key<K: Ord>(&mut self, order: impl Fn(&LeaseKey) -> K) {
        self.placed.sort_by_key(|placed| order(&placed.record.key));
    }

    /// How many of its leases are new.
    pub(super) fn new_leases(&self) -> usize {
        self.placed.iter().filter(|placed| placed.before.is_none()).count()
    }
}

impl Manager {
    /// Fills a draft and grants it. After an error everything is as it was.
    pub(super) fn all_or_nothing(
        &self,
        now: Now,
        fill: impl FnOnce(&mut Inner, &mut Draft) -> Result<(), Interrupt>,
    ) -> Result<Vec<Granted>, Interrupt> {
        let mut inner = self.lock();
        inner.sweep(&self.edges, now);
        let mut draft = Draft::default();
        let granted = fill(&mut inner, &mut draft)
            .and_then(|()| inner.grant(&self.edges, &draft, now).map_err(Interrupt::from));
        if let Err(interrupt) = granted {
            draft.give_back(&mut inner, 0);
            return Err(interrupt);
        }
        let Draft { placed, identified, .. } = draft;
        // Only now: a hold that was taken before would outlive a grant that failed.
        for Placed { record, .. } in placed.iter().filter(|placed| placed.occupancy == Occupancy::Idle) {
            inner.hold_again(&self.edges, record.wants_hold(), record.port);
        }
        Ok(placed.into_iter().map(|placed| inner.granted(placed, identified.clone(), now)).collect())
    }
}

impl Inner {
    /// Saves the leases of a draft, in one step.
    fn grant(&mut self, edges: &Edges, draft: &Draft, now: Now) -> Result<(), Error> {
        let new: Vec<&Placed> =
            draft.placed.iter().filter(|placed| placed.before.as_ref() != Some(&placed.record)).collect();
        if new.is_empty() && draft.noted.is_empty() {
            return Ok(());
        }
        let watched = self.watch_owners(edges, &new);
        let noted = draft.noted.iter().map(|(change, _)| change.clone());
        let changes: Vec<_> =
            noted.chain(new.iter().map(|placed| registry::Change::Put(placed.record.clone()))).collect();
        let told = draft.noted.iter().filter_map(|(_, event)| event.clone());
        let events = told.chain(new.iter().map(|placed| placed.event(now))).collect();
        let saved = watched.and_then(|()| Ok(self.commit(edges, &changes, events)?));
        for placed in new {
            // Owners that nobody has after all, or nobody has any more.
            let lives = [Some(&placed.record), placed.before.as_ref()].into_iter().flatten();
            for process in lives.flat_map(|record| [record.life.owner, record.run]).flatten() {
                self.forget_process(edges, process);
            }
            if let (Ok(()), Some(before)) = (&saved, &placed.before)
                && before.port != placed.record.port
            {
                self.kept.let_go(before.port);
            }
            if saved.is_ok() && !placed.record.wants_hold() {
                self.kept.unhold(placed.record.port);
            }
        }
        saved
    }

    fn watch_owners(&mut self, edges: &Edges, placed: &[&Placed]) -> Result<(), Error> {
        for Placed { before, record, .. } in placed {
            if let Some(owner) = record.life.owner {
                self.kept.watch(edges, owner).map_err(|error| bad_owner(owner.pid, error))?;
            }
            // One that it had may have ended just now: no reason to refuse.
            let had = before.as_ref().and_then(|before| before.run);
            if let Some(run) = record.run.filter(|run| Some(*run) != had) {
                self.kept.watch(edges, run).map_err(|error| bad_run(run.pid, error))?;
            }
        }
        Ok(())
    }

    fn granted(&self, placed: Placed, identified: Option<Identified>, now: Now) -> Granted {
        let Placed { before, record, occupancy, changed, explain } = placed;
        let mut lease = view::lease(&record, self.sight(&record, occupancy), now);
        lease.changed = changed;
        lease.identified = identified;
        lease.explain = explain;
        Granted { lease, created: before.is_none() }
    }
}

impl Placed {
    fn event(&self, now: Now) -> Event {
        let Self { before, record, .. } = self;
        let kind = match before {
            None => EventKind::Granted,
            Some(before) if before.port != record.port => EventKind::Moved,
            Some(before) if is_renewal(before, record) => EventKind::Renewed,
            Some(_) => EventKind::Changed,
        };
        let mut event = view::event(kind, record, now);
        event.changed.clone_from(&self.changed);
        event
    }
}

/// Whether a lease lives on for a new term.
fn is_renewal(before: &Record, after: &Record) -> bool {
    let terms = before.life.term.is_some() && after.life.term.is_some();
    before.renewed_at != after.renewed_at || (terms && before.life.term != after.life.term)
}

//! How leases end: they are released, their term is over, or their owner is.

use std::{collections::BTreeSet, time::Duration};

use portlease_proto::{EventKind, Lease, Port, ProjectName, RenewRequest, ServiceName};

use super::{
    Edges, Error, Inner, Manager,
    draft::Placed,
    identify::{Findings, Interrupt},
    view,
};
use crate::{
    clock::Now,
    owners::OwnerError,
    registry::{Change, LeaseKey, Owner, Record, Term},
    store::StoreError,
};

/// The most anonymous leases that end in one go. One suite may have thousands,
/// and nobody is to wait until all of them are gone.
pub(super) const AT_ONCE: usize = 128;

impl Manager {
    /// Ends one lease of a project, or all of them.
    ///
    /// # Errors
    /// [`Error::NoSuchLease`]; [`Error::Store`], and then nothing is released.
    pub fn release(&self, project: &ProjectName, service: Option<&ServiceName>) -> Result<(), Error> {
        let now = self.edges.clock.now();
        let mut inner = self.lock();
        inner.sweep(&self.edges, now);
        let keys: Vec<LeaseKey> = inner
            .registry
            .of_project(project)
            .filter(|record| service.is_none_or(|service| record.key.service == *service))
            .map(|record| record.key.clone())
            .collect();
        if keys.is_empty() {
            return Err(Error::NoSuchLease { project: project.clone(), service: service.cloned() });
        }
        inner.end(&self.edges, &keys, EventKind::Released, now)?;
        Ok(())
    }

    /// Lets a lease live on for its TTL, or for a new one. May walk all
    /// processes.
    ///
    /// # Errors
    /// [`Error::NoSuchLease`]; [`Error::Stays`] when a TTL is given for a lease
    /// that has none; [`Error::Store`], and then it is not renewed.
    pub fn renew(&self, key: &LeaseKey, request: &RenewRequest) -> Result<Lease, Error> {
        self.thoroughly(|findings| self.attempt_renew(key, request, findings))
    }

    /// Lets a lease live on, or does nothing if that would take a walk of all
    /// processes: ask [`Manager::renew`] then.
    ///
    /// # Errors
    /// As [`Manager::renew`].
    pub fn try_renew(&self, key: &LeaseKey, request: &RenewRequest) -> Result<Option<Lease>, Error> {
        match self.attempt_renew(key, request, &Findings::new()) {
            Ok(lease) => Ok(Some(lease)),
            Err(Interrupt::Identify(_)) => Ok(None),
            Err(Interrupt::Failed(error)) => Err(error),
        }
    }

    fn attempt_renew(
        &self,
        key: &LeaseKey,
        request: &RenewRequest,
        findings: &Findings,
    ) -> Result<Lease, Interrupt> {
        let now = self.edges.clock.now();
        let granted = self.all_or_nothing(now, |inner, draft| {
            let before = inner.registry.find(key).cloned().ok_or_else(|| Error::no_such_lease(key))?;
            let mut record = before.clone();
            record.renewed_at = now.wall;
            record.life.term = match (before.life.term, request.ttl_s) {
                (Some(term), ttl) => Some(Term::begin(ttl.unwrap_or(term.ttl), now)),
                (None, None) => None,
                (None, Some(_)) => return Err(Error::Stays { key: key.clone() }.into()),
            };
            let occupancy = inner.occupancy(&self.edges, &record, findings)?;
            draft.add(Placed { before: Some(before), record, occupancy, changed: None, explain: None });
            Ok(())
        })?;
        // The draft has one lease.
        granted
            .into_iter()
            .next()
            .map(|granted| granted.lease)
            .ok_or_else(|| Error::no_such_lease(key).into())
    }

    /// Ends leases whose term or owner is over; how long until there are more
    /// to be ended, which may be at once.
    ///
    /// # Errors
    /// [`Error::Store`]: they end when it is called again.
    pub fn expire(&self) -> Result<Option<Duration>, Error> {
        let now = self.edges.clock.now();
        let mut inner = self.lock();
        // Those that have ended are known, and not to be asked for again.
        if inner.ended_owners.is_empty() {
            inner.watch_again(&self.edges);
        }
        if inner.expire(&self.edges, now)? {
            return Ok(Some(Duration::ZERO));
        }
        Ok(inner.registry.next_end().map(|until| until.saturating_sub(now.awake)))
    }
}

impl Inner {
    /// [`Inner::expire`] on the way to something else: what cannot be ended now
    /// is ended later, and whoever wants it changed is told why not.
    pub(super) fn sweep(&mut self, edges: &Edges, now: Now) {
        let _later = self.expire(edges, now);
    }

    /// Whether leases are left that are over.
    fn expire(&mut self, edges: &Edges, now: Now) -> Result<bool, StoreError> {
        if self.kept.has_owners() {
            for owner in edges.owners.ended() {
                self.kept.unwatch(edges, owner);
                self.ended_owners.push(owner);
            }
        }
        if self.ended_owners.is_empty() && self.registry.next_end().is_none_or(|until| until > now.awake) {
            return Ok(false);
        }
        let (keys, all) = self.over(now);
        let (go_on, over): (Vec<Record>, Vec<Record>) = keys
            .iter()
            .filter_map(|key| self.registry.find(key).cloned())
            .partition(|record| record.life.without_owner(now).is_some());
        self.go_on(edges, go_on, now)?;
        let keys: Vec<LeaseKey> = over.into_iter().map(|record| record.key).collect();
        if !keys.is_empty() {
            self.end(edges, &keys, EventKind::Expired, now)?;
        }
        self.forget_runs(edges, now)?;
        match all {
            true => self.ended_owners.clear(),
            false => self.ended_owners.retain(|owner| self.registry.of_owner(*owner).next().is_some()),
        }
        Ok(!all)
    }

    /// The leases whose owner or term is over, and whether that is all of them:
    /// those that somebody may ask for by name, and some of the others.
    fn over(&self, now: Now) -> (Vec<LeaseKey>, bool) {
        let of_owners = self.ended_owners.iter().flat_map(|owner| self.registry.of_owner(*owner));
        let (anonymous, mut keys): (Vec<&LeaseKey>, Vec<&LeaseKey>) =
            of_owners.chain(self.registry.over(now)).partition(|key| key.project.is_anonymous());
        keys.extend(anonymous.iter().take(AT_ONCE));
        keys.sort_unstable();
        keys.dedup();
        (keys.into_iter().cloned().collect(), anonymous.len() <= AT_ONCE)
    }

    /// Leases outlive what was run for them.
    fn forget_runs(&mut self, edges: &Edges, now: Now) -> Result<(), StoreError> {
        let of_runs = self.ended_owners.iter().flat_map(|run| self.registry.of_run(*run));
        let keys: BTreeSet<&LeaseKey> = of_runs.collect();
        let records: Vec<Record> = keys
            .into_iter()
            .filter_map(|key| self.registry.find(key))
            .map(|record| Record { run: None, ..record.clone() })
            .collect();
        if records.is_empty() {
            return Ok(());
        }
        let changes: Vec<Change> = records.iter().cloned().map(Change::Put).collect();
        let events = records.iter().map(|record| view::event(EventKind::Changed, record, now)).collect();
        self.commit(edges, &changes, events)?;
        for record in records {
            self.hold_again(edges, record.wants_hold(), record.port);
        }
        Ok(())
    }

    /// Leases that do not end with their owner have a term from now on.
    fn go_on(&mut self, edges: &Edges, records: Vec<Record>, now: Now) -> Result<(), StoreError> {
        let on = |record: Record| Some(Record { life: record.life.without_owner(now)?, ..record });
        let records: Vec<Record> = records.into_iter().filter_map(on).collect();
        if records.is_empty() {
            return Ok(());
        }
        let events = records.iter().map(|record| view::event(EventKind::Changed, record, now)).collect();
        let changes: Vec<Change> = records.into_iter().map(Change::Put).collect();
        self.commit(edges, &changes, events)
    }

    pub(super) fn end(
        &mut self,
        edges: &Edges,
        keys: &[LeaseKey],
        kind: EventKind,
        now: Now,
    ) -> Result<(), StoreError> {
        let ended: Vec<Record> = keys.iter().filter_map(|key| self.registry.find(key)).cloned().collect();
        let changes = self.registry.release(keys, now);
        let events = ended.iter().map(|record| view::event(kind, record, now)).collect();
        self.commit(edges, &changes, events)?;
        for record in ended {
            self.kept.let_go(record.port);
            for process in [record.life.owner, record.run].into_iter().flatten() {
                self.forget_process(edges, process);
            }
        }
        Ok(())
    }

    /// Watches a process no longer that no lease has to do with.
    pub(super) fn forget_process(&mut self, edges: &Edges, process: Owner) {
        if self.registry.of_owner(process).chain(self.registry.of_run(process)).next().is_none() {
            self.kept.unwatch(edges, process);
        }
    }

    /// Watches the processes that are not watched yet: those of leases that were
    /// read from the store, and those for which there was no file to spare.
    pub(super) fn watch_again(&mut self, edges: &Edges) {
        if self.kept.owners() == self.registry.processes().count() {
            return;
        }
        let owners: Vec<Owner> = self.registry.processes().collect();
        for owner in owners {
            if let Err(OwnerError::Ended | OwnerError::Thread) = self.kept.watch(edges, owner)
                && !self.ended_owners.contains(&owner)
            {
                self.ended_owners.push(owner);
            }
        }
    }

    /// Takes the hold of a lease whose port is idle.
    pub(super) fn hold_again(&mut self, edges: &Edges, hold: bool, port: Port) {
        if hold {
            self.kept.hold_when_free(edges, port);
        }
    }

    /// Takes the holds that something was in the way of.
    pub(super) fn hold_waiting(&mut self, edges: &Edges) {
        for port in self.kept.waiting() {
            match self.registry.at(port).is_some_and(Record::wants_hold) {
                true => self.kept.hold_when_free(edges, port),
                false => self.kept.unhold(port),
            }
        }
    }
}

//! Another name for a project or a lease: everything but the name stays.

use portlease_proto::{EventKind, ProjectName};

use super::{Error, Inner, Manager, view};
use crate::{
    clock::Now,
    registry::{Change, LeaseKey, Record},
};

impl Manager {
    /// Calls a project otherwise, with all its leases and its directory.
    ///
    /// # Errors
    /// [`Error::NoSuchLease`], [`Error::Exists`], [`Error::Anonymous`];
    /// [`Error::Store`], and then nothing has changed.
    pub fn mv_project(&self, from: &ProjectName, to: &ProjectName) -> Result<(), Error> {
        if from.is_anonymous() || to.is_anonymous() {
            return Err(Error::Anonymous);
        }
        let now = self.edges.clock.now();
        let mut inner = self.lock();
        inner.sweep(&self.edges, now);
        let records: Vec<Record> = inner.registry.of_project(from).cloned().collect();
        if records.is_empty() {
            return Err(Error::NoSuchLease { project: from.clone(), service: None });
        }
        if inner.registry.count(to) > 0 || inner.registry.home(to).is_some() {
            return Err(Error::Exists { name: to.to_string(), lease: inner.reserved(to, now) });
        }
        self.rename(&mut inner, records, |key| LeaseKey { project: to.clone(), service: key.service }, now)
    }

    /// Calls a lease otherwise.
    ///
    /// # Errors
    /// As [`Manager::mv_project`], and [`Error::TooManyLeases`].
    pub fn mv(&self, from: &LeaseKey, to: &LeaseKey) -> Result<(), Error> {
        if from.project.is_anonymous() || to.project.is_anonymous() {
            return Err(Error::Anonymous);
        }
        let now = self.edges.clock.now();
        let mut inner = self.lock();
        inner.sweep(&self.edges, now);
        let record = inner.registry.find(from).cloned().ok_or_else(|| Error::no_such_lease(from))?;
        if let Some(other) = inner.registry.find(to) {
            let lease = Some(Box::new(view::unseen(other, now)));
            return Err(Error::Exists { name: to.to_string(), lease });
        }
        let most = self.settings().leases_per_project;
        if from.project != to.project && inner.registry.count(&to.project) >= most {
            return Err(Error::TooManyLeases { project: to.project.clone(), most });
        }
        self.rename(&mut inner, vec![record], |_| to.clone(), now)
    }

    /// The ports stay, and with them claims, holds and who runs there; so do
    /// owners and ids.
    fn rename(
        &self,
        inner: &mut Inner,
        records: Vec<Record>,
        name: impl Fn(LeaseKey) -> LeaseKey,
        now: Now,
    ) -> Result<(), Error> {
        let (mut changes, mut events, mut projects) = (Vec::new(), Vec::new(), None);
        let count = records.len();
        for record in records {
            let (from, to) = (record.key.clone(), name(record.key.clone()));
            let record = Record { key: to.clone(), ..record };
            events.push(view::event(EventKind::Changed, &record, now));
            changes.extend([Change::Remove(from.clone()), Change::Put(record)]);
            projects = Some((from.project, to.project));
        }
        if let Some((from, to)) = projects.filter(|(from, to)| from != to)
            && inner.registry.count(&from) == count
            && let Some(home) = inner.registry.home(&from)
        {
            // Where the name has a directory already, it keeps that.
            let settle = inner.registry.home(&to).is_none().then(|| Change::Settle(to, home.clone()));
            changes.push(Change::Leave(from));
            changes.extend(settle);
        }
        inner.commit(&self.edges, &changes, events)?;
        Ok(())
    }
}

impl Inner {
    fn reserved(&self, project: &ProjectName, now: Now) -> Option<Box<portlease_proto::Lease>> {
        self.registry.of_project(project).next().map(|record| Box::new(view::unseen(record, now)))
    }
}

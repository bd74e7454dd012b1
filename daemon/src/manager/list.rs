//! Reading leases with what is on their ports.

use std::collections::HashMap;

use portlease_proto::{Holder, Lease, Port, ProjectName, Protocol};

use super::{
    Error, Manager,
    identify::{Findings, Interrupt, Occupancy, Occupant, first_holder},
    view,
};
use crate::{
    registry::{LeaseKey, Record},
    sockets::SocketRow,
};

impl Manager {
    /// Every lease, or those of one project, sorted by name. Reads the whole
    /// socket table and may walk all processes.
    ///
    /// # Errors
    /// [`Error::Sockets`]: a state that is not known is not shown as free.
    pub fn list(&self, project: Option<&ProjectName>) -> Result<Vec<Lease>, Error> {
        let records: Vec<Record> = {
            let mut inner = self.lock();
            inner.sweep(&self.edges, self.edges.clock.now());
            match project {
                Some(project) => inner.registry.of_project(project).cloned().collect(),
                None => inner.registry.all().cloned().collect(),
            }
        };
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let leased: HashMap<Port, &Record> = records.iter().map(|record| (record.port, record)).collect();
        let table = self.listeners.read(self.edges.sockets.as_ref(), self.edges.clock.as_ref())?;
        let mut rows: Vec<SocketRow> = table.iter().map(|detail| detail.row).collect();
        rows.retain(|row| leased.get(&row.port).is_some_and(|record| row.occupies(record.protocol)));
        let mut on_ports: HashMap<Port, Vec<Occupant>> = HashMap::new();
        for occupant in self.identify(rows) {
            on_ports.entry(occupant.port()).or_default().push(occupant);
        }

        let sights: Vec<view::Sight> = {
            let inner = self.lock();
            let judge = |record: &Record| match on_ports.get(&record.port) {
                None => Occupancy::Idle,
                Some(occupants) => inner.judge(&self.edges, record, occupants),
            };
            records.iter().map(|record| inner.sight(record, judge(record))).collect()
        };
        // Looks at each root, which may lie on a slow disk: without the lock.
        let now = self.edges.clock.now();
        let show = |(record, sight)| view::lease(record, sight, now);
        Ok(records.iter().zip(sights).map(show).collect())
    }

    /// One lease. May walk all processes.
    ///
    /// # Errors
    /// [`Error::NoSuchLease`], [`Error::Sockets`].
    pub fn show(&self, key: &LeaseKey) -> Result<Lease, Error> {
        self.thoroughly(|findings| self.attempt_show(key, findings))
    }

    /// One lease, or none if that would take a walk of all processes: ask
    /// [`Manager::show`] then.
    ///
    /// # Errors
    /// As [`Manager::show`].
    pub fn try_show(&self, key: &LeaseKey) -> Result<Option<Lease>, Error> {
        match self.attempt_show(key, &Findings::new()) {
            Ok(lease) => Ok(Some(lease)),
            Err(Interrupt::Identify(_)) => Ok(None),
            Err(Interrupt::Failed(error)) => Err(error),
        }
    }

    /// Who listens on a port, leased or not. May walk all processes.
    ///
    /// # Errors
    /// [`Error::Sockets`].
    pub fn holder(&self, port: Port) -> Result<Option<Holder>, Error> {
        let mut rows = self.edges.sockets.on_port(port)?;
        rows.retain(|row| row.occupies(Protocol::Tcp));
        let occupants = self.identify(rows);
        Ok((!occupants.is_empty()).then(|| first_holder(&self.edges, &occupants, Protocol::Tcp)))
    }

    fn attempt_show(&self, key: &LeaseKey, findings: &Findings) -> Result<Lease, Interrupt> {
        let now = self.edges.clock.now();
        let mut inner = self.lock();
        inner.sweep(&self.edges, now);
        let record = inner.registry.find(key).cloned().ok_or_else(|| Error::no_such_lease(key))?;
        let occupancy = inner.occupancy(&self.edges, &record, findings)?;
        Ok(view::lease(&record, inner.sight(&record, occupancy), now))
    }
}

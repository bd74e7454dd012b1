//! Anonymous leases: ports for tests, under no name, which end by themselves.

use std::time::{Duration, SystemTime};

use portlease_proto::{
    AnonymousRequest, EventKind, GetRequest, Port, ProjectName, Protocol, ServiceName, Ttl,
};

use super::{
    Error, Manager,
    get::{Granted, Wanted},
    identify::{Findings, Interrupt},
    place::new_id,
};
use crate::{
    allocator::Pool,
    registry::{LeaseKey, Record},
};

impl Manager {
    /// Gets anonymous leases, all or none. May walk all processes.
    ///
    /// # Errors
    /// Any [`Error`]; then nothing has changed.
    pub fn get_anonymous(&self, request: &AnonymousRequest) -> Result<Vec<Granted>, Error> {
        let each = request.each();
        let wanted = self.wanted_anonymous(request, &each)?;
        self.thoroughly(|findings| self.attempt_all(&wanted, request.contiguous, findings))
    }

    /// Gets leases, or none (and nothing has changed) if that would take a walk
    /// of all processes: ask [`Manager::get_anonymous`] then.
    ///
    /// # Errors
    /// As [`Manager::get_anonymous`].
    pub fn try_get_anonymous(&self, request: &AnonymousRequest) -> Result<Option<Vec<Granted>>, Error> {
        let each = request.each();
        let wanted = self.wanted_anonymous(request, &each)?;
        self.attempt_at_once(&wanted, request.contiguous)
    }

    /// As [`Manager::try_get_anonymous`], for leases that live on for `after`
    /// when their owner has ended.
    ///
    /// # Errors
    /// As [`Manager::get_anonymous`].
    pub fn try_get_outliving(
        &self,
        request: &AnonymousRequest,
        after: Ttl,
    ) -> Result<Option<Vec<Granted>>, Error> {
        let each = request.each();
        let mut wanted = self.wanted_anonymous(request, &each)?;
        for wanted in &mut wanted {
            wanted.after = Some(after);
        }
        self.attempt_at_once(&wanted, request.contiguous)
    }

    fn attempt_at_once(
        &self,
        wanted: &[Wanted<'_>],
        contiguous: bool,
    ) -> Result<Option<Vec<Granted>>, Error> {
        match self.attempt_all(wanted, contiguous, &Findings::new()) {
            Ok(granted) => Ok(Some(granted)),
            Err(Interrupt::Identify(_)) => Ok(None),
            Err(Interrupt::Failed(error)) => Err(error),
        }
    }

    /// Ends the anonymous lease of a port, if it has this label; whether there
    /// was one.
    ///
    /// # Errors
    /// [`Error::Store`]; then it is not ended.
    pub fn release_labelled(&self, port: Port, label: (&str, &str)) -> Result<bool, Error> {
        let now = self.edges.clock.now();
        let mut inner = self.lock();
        inner.sweep(&self.edges, now);
        let Some(key) = inner.registry.at(port).filter(|record| is_labelled(record, label)) else {
            return Ok(false);
        };
        let keys = [key.key.clone()];
        inner.end(&self.edges, &keys, EventKind::Released, now)?;
        Ok(true)
    }

    /// The ports of the anonymous leases with this label, and how long ago each
    /// was granted.
    pub fn labelled(&self, label: (&str, &str)) -> Vec<(Port, Duration)> {
        let now = self.edges.clock.now();
        let mut inner = self.lock();
        inner.sweep(&self.edges, now);
        let age = |granted: SystemTime| now.wall.duration_since(granted).unwrap_or_default();
        let project = ProjectName::anonymous();
        let all = inner.registry.of_project(&project);
        all.filter(|record| is_labelled(record, label))
            .map(|record| (record.port, age(record.created_at)))
            .collect()
    }

    /// The ports of the pool that no lease has and that are not excluded. What
    /// else is on them only the kernel knows.
    pub fn unleased(&self) -> Vec<Port> {
        let now = self.edges.clock.now();
        let mut inner = self.lock();
        inner.sweep(&self.edges, now);
        let exclusions = inner.current_exclusions(&self.edges, now);
        let settings = self.settings();
        let ports = settings.pool.ranges().iter().flat_map(|range| range.ports());
        ports
            .filter(|port| {
                !inner.registry.is_leased(*port) && exclusions.why(*port, Protocol::Both).is_none()
            })
            .collect()
    }

    /// The ports that may be given without being asked for by number.
    pub fn pool(&self) -> Pool {
        self.settings().pool.clone()
    }

    /// How many ports were considered for the last lease that was placed, or
    /// for which there was no place.
    pub fn last_considered(&self) -> usize {
        self.lock().considered
    }

    fn wanted_anonymous<'a>(
        &self,
        request: &AnonymousRequest,
        each: &'a GetRequest,
    ) -> Result<Vec<Wanted<'a>>, Error> {
        let one = || {
            // Random, so that each walk through the pool begins elsewhere.
            let service: ServiceName = new_id().parse().map_err(|_| Error::Anonymous)?;
            self.wanted(LeaseKey { project: ProjectName::anonymous(), service }, each, None, None)
        };
        (0..request.count()).map(|_| one()).collect()
    }
}

fn is_labelled(record: &Record, (key, text): (&str, &str)) -> bool {
    record.key.project.is_anonymous() && record.labels.get(key).is_some_and(|label| label == text)
}

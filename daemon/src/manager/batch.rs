//! Several services of one project: all of them or none.

use std::collections::HashMap;

use portlease_proto::{BatchRequest, ProjectName};

use super::{
    Error, Manager,
    get::{Granted, Wanted},
    identify::{Findings, Interrupt},
    settle,
};
use crate::registry::LeaseKey;

impl Manager {
    /// Gets leases for all services of a request, sorted by service, a block
    /// by port. May walk
    /// all processes.
    ///
    /// # Errors
    /// Any [`Error`]; then nothing has changed.
    pub fn get_all(&self, project: &ProjectName, request: &BatchRequest) -> Result<Vec<Granted>, Error> {
        let wanted = self.wanted_of_batch(project, request)?;
        self.thoroughly(|findings| self.attempt_all(&wanted, request.contiguous, findings))
    }

    /// Gets leases, or none (and nothing has changed) if that would take a walk
    /// of all processes: ask [`Manager::get_all`] then.
    ///
    /// # Errors
    /// As [`Manager::get_all`].
    pub fn try_get_all(
        &self,
        project: &ProjectName,
        request: &BatchRequest,
    ) -> Result<Option<Vec<Granted>>, Error> {
        let wanted = self.wanted_of_batch(project, request)?;
        match self.attempt_all(&wanted, request.contiguous, &Findings::new()) {
            Ok(granted) => Ok(Some(granted)),
            Err(Interrupt::Identify(_)) => Ok(None),
            Err(Interrupt::Failed(error)) => Err(error),
        }
    }

    fn wanted_of_batch<'a>(
        &self,
        project: &ProjectName,
        request: &'a BatchRequest,
    ) -> Result<Vec<Wanted<'a>>, Error> {
        if project.is_anonymous() {
            return Err(Error::Anonymous);
        }
        let key = |service| LeaseKey { project: project.clone(), service };
        let each = |(service, one): (&_, &'a portlease_proto::GetRequest)| {
            let root = one.root.as_deref().or(request.root.as_deref());
            self.wanted(key(Clone::clone(service)), one, root, one.run_pid.or(request.run_pid))
        };
        let services: Vec<_> =
            if request.contiguous { request.in_block_order() } else { request.services.iter().collect() };
        let mut wanted = services.into_iter().map(each).collect::<Result<Vec<Wanted<'a>>, Error>>()?;
        let root = wanted.first().and_then(|first| first.root.as_deref());
        let home = root.zip(request.identify).map(settle::home_by).transpose()?;
        for one in wanted.iter_mut().filter(|_| home.is_some()) {
            one.home.clone_from(&home);
            // They were looked up one after another; a project has one root.
            one.root = home.as_ref().map(|(home, _)| home.root.clone());
        }
        Ok(wanted)
    }

    pub(super) fn attempt_all(
        &self,
        wanted: &[Wanted<'_>],
        contiguous: bool,
        findings: &Findings,
    ) -> Result<Vec<Granted>, Interrupt> {
        let Some(first) = wanted.first() else { return Ok(Vec::new()) };
        self.all_or_nothing(first.now, |inner, draft| {
            let settled = inner.settled(draft, wanted);
            let wanted = settled.as_deref().unwrap_or(wanted);
            if contiguous {
                return self.fill_block(inner, draft, wanted, findings);
            }
            // Ports that are asked for by number come first: another service
            // must not happen upon them.
            let (exact, others): (Vec<_>, Vec<_>) =
                wanted.iter().partition(|wanted| wanted.request.port.is_some());
            for wanted in exact.into_iter().chain(others) {
                self.fill(inner, draft, wanted, findings)?;
            }
            let place: HashMap<&LeaseKey, usize> =
                wanted.iter().enumerate().map(|(i, wanted)| (&wanted.key, i)).collect();
            draft.sort_by_key(|key| place.get(key).copied());
            Ok(())
        })
    }
}

//! Anonymous leases: ports for tests, under no name, which end by themselves.

use portlease_proto::{AnonymousRequest, GetRequest, ProjectName, ServiceName};

use super::{
    Error, Manager,
    get::{Granted, Wanted},
    identify::{Findings, Interrupt},
    place::new_id,
};
use crate::registry::LeaseKey;

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
        match self.attempt_all(&wanted, request.contiguous, &Findings::new()) {
            Ok(granted) => Ok(Some(granted)),
            Err(Interrupt::Identify(_)) => Ok(None),
            Err(Interrupt::Failed(error)) => Err(error),
        }
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

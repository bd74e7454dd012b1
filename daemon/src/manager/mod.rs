//! The one handle on leases: synchronous methods over one lock. A method that
//! returns has happened and is in the store. Methods that may walk tables or
//! processes say so; call those from a thread that may block.

mod error;
mod get;
mod identify;
mod list;
mod place;
mod skip;
#[cfg(test)]
mod tests;
mod view;

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use portlease_proto::{Port, ProjectName, ServiceName};

pub use error::Error;
pub use get::Granted;

use crate::{
    allocator::{Exclusions, Pool},
    clock::{Clock, Now},
    processes::Processes,
    registry::{Change, LeaseKey, Registry},
    sockets::{Claim, ClaimError, Sockets},
    store::{Store, StoreError},
};
use identify::Known;

/// The edges that the manager works with.
#[derive(Clone)]
pub struct Edges {
    /// The kernel's word on ports.
    pub sockets: Arc<dyn Sockets>,
    /// Who is behind a socket.
    pub processes: Arc<dyn Processes>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What the owner of the machine decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The ports that we may give by ourselves.
    pub pool: Pool,
    /// The most leases of one project.
    pub leases_per_project: usize,
    /// The most claims, each of which takes an open file.
    pub claims: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { pool: Pool::default(), leases_per_project: 1024, claims: usize::MAX }
    }
}

/// The leases of one daemon.
pub struct Manager {
    edges: Edges,
    settings: Settings,
    inner: Mutex<Inner>,
}

struct Inner {
    registry: Registry,
    store: Box<dyn Store>,
    /// One for each lease whose port no other daemon has.
    claims: HashMap<Port, Claim>,
    known: HashMap<u64, Known>,
    exclusions: Exclusions,
    exclusions_read: Option<Duration>,
    unsaved: bool,
}

impl Manager {
    /// Takes the registry over and claims its ports again. A port that another
    /// daemon took meanwhile stays unclaimed, and its lease is `taken`.
    #[must_use]
    pub fn new(edges: Edges, settings: Settings, store: Box<dyn Store>, registry: Registry) -> Self {
        let claim = |port| edges.sockets.claim(port).ok().map(|claim| (port, claim));
        let claims = registry.all().take(settings.claims).filter_map(|record| claim(record.port)).collect();
        let inner = Inner {
            registry,
            store,
            claims,
            known: HashMap::new(),
            exclusions: Exclusions::default(),
            exclusions_read: None,
            unsaved: false,
        };
        Self { edges, settings, inner: Mutex::new(inner) }
    }

    /// The ports that the API has or wants; they are never given.
    pub fn set_api_ports(&self, ports: Vec<Port>) {
        self.lock().exclusions.api = ports;
    }

    /// The ports that are never given at the moment.
    pub fn exclusions(&self) -> Exclusions {
        let now = self.edges.clock.now();
        self.lock().current_exclusions(&self.edges, now)
    }

    /// How many leases there are.
    pub fn len(&self) -> usize {
        self.lock().registry.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends one lease of a project, or all of them.
    ///
    /// # Errors
    /// [`Error::NoSuchLease`]; [`Error::Store`], and then nothing is released.
    pub fn release(&self, project: &ProjectName, service: Option<&ServiceName>) -> Result<(), Error> {
        let now = self.edges.clock.now();
        let mut inner = self.lock();
        let records = inner.registry.of_project(project);
        let (keys, ports): (Vec<LeaseKey>, Vec<Port>) = records
            .filter(|record| service.is_none_or(|service| record.key.service == *service))
            .map(|record| (record.key.clone(), record.port))
            .unzip();
        if keys.is_empty() {
            return Err(Error::NoSuchLease { project: project.clone(), service: service.cloned() });
        }
        let changes = inner.registry.release(&keys, now);
        inner.commit(&changes)?;
        for port in ports {
            inner.claims.remove(&port);
        }
        Ok(())
    }

    /// Whether anything was committed since the last call.
    pub fn take_unsaved(&self) -> bool {
        std::mem::take(&mut self.lock().unsaved)
    }

    /// What [`Manager::take_unsaved`] told of is still not on the disk.
    pub fn set_unsaved(&self) {
        self.lock().unsaved = true;
    }

    /// Writes the registry anew if its file was taken away.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn restore_store(&self) -> Result<bool, Error> {
        let mut inner = self.lock();
        if inner.store.in_place() {
            return Ok(false);
        }
        inner.rewrite()?;
        Ok(true)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is applied in one step after its commit, so what a
        // panicking thread left behind is whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Saves, then applies. After an error everything is as it was.
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        match self.store.commit(changes) {
            Err(StoreError::Gone) => {
                self.rewrite()?;
                self.store.commit(changes)?;
            }
            result => result?,
        }
        for change in changes {
            self.registry.apply(change);
        }
        self.unsaved = true;
        Ok(())
    }

    fn rewrite(&mut self) -> Result<(), StoreError> {
        self.store.rewrite(&self.registry)?;
        self.unsaved = true;
        Ok(())
    }

    /// What the kernel keeps can change while we run; reading it costs as much
    /// as a grant, so it is read at most once a second.
    fn current_exclusions(&mut self, edges: &Edges, now: Now) -> Exclusions {
        const FRESH: Duration = Duration::from_secs(1);
        if self.exclusions_read.is_none_or(|read| now.boot.saturating_sub(read) >= FRESH) {
            self.exclusions.kernel = edges.sockets.kernel_ranges();
            self.exclusions_read = Some(now.boot);
        }
        self.exclusions.clone()
    }

    /// Claims a port that we are to have, unless it is claimed already. The
    /// last files are kept for answering.
    fn claim(&mut self, edges: &Edges, most: usize, port: Port) -> Result<(), ClaimError> {
        let full = self.claims.len() >= most;
        match self.claims.entry(port) {
            Entry::Occupied(_) => Ok(()),
            Entry::Vacant(_) if full => Err(ClaimError::TooManyFiles),
            Entry::Vacant(place) => {
                place.insert(edges.sockets.claim(port)?);
                Ok(())
            }
        }
    }
}

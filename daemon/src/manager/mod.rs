//! The one handle on leases: synchronous methods over one lock. A method that
//! returns has happened and is in the store. Methods that may walk tables or
//! processes say so; call those from a thread that may block.

mod anonymous;
mod batch;
mod block;
mod condition;
mod crowd;
mod draft;
mod error;
mod export;
mod gc;
mod get;
mod holders;
mod identify;
mod kept;
mod known;
mod life;
mod list;
mod mv;
mod place;
mod port;
mod ports;
mod ready;
mod settle;
mod skip;
mod strays;
#[cfg(test)]
mod tests;
mod told;
mod view;
mod watch;
mod whereabouts;

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
    time::Duration,
};

use portlease_proto::{Event, Port, PortRange};

pub use condition::{Condition, GoneRoot, PortCounts};
pub use error::Error;
pub use get::Granted;
pub use port::Extent;
pub use watch::Changed;
pub use whereabouts::{Elsewhere, LastApp, Whereabouts};

use crate::{
    allocator::{Exclusions, Pool},
    clock::{Clock, Now},
    events::Events,
    owners::Owners,
    processes::Processes,
    registry::{Change, Owner, Registry},
    sockets::{SharedListeners, Sockets},
    store::{Durability, Store, StoreError},
    sync::{Mutex, MutexGuard, RwLock},
};
use kept::Kept;
use known::Known;
use strays::Strays;
use told::Told;
use watch::Watched;

/// The edges that the manager works with.
#[derive(Clone)]
pub struct Edges {
    /// The kernel's word on ports.
    pub sockets: Arc<dyn Sockets>,
    /// Who is behind a socket.
    pub processes: Arc<dyn Processes>,
    /// The processes that leases live and die with.
    pub owners: Arc<dyn Owners>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where it is told what happens.
    pub events: Arc<Events>,
}

/// What the owner of the machine decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The ports that we may give by ourselves.
    pub pool: Pool,
    /// Ports that are never given, beside those on the lists.
    pub exclude: Vec<PortRange>,
    /// The most leases of one project.
    pub leases_per_project: usize,
    /// How much of the pool anonymous leases never get, in percent.
    pub kept_percent: u8,
    /// The most claims, holds and owners, each of which takes an open file.
    pub files: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pool: Pool::default(),
            exclude: Vec::new(),
            leases_per_project: 1024,
            kept_percent: 10,
            files: usize::MAX,
        }
    }
}

/// The leases of one daemon.
pub struct Manager {
    edges: Edges,
    settings: RwLock<Arc<Settings>>,
    listeners: SharedListeners,
    inner: Mutex<Inner>,
}

struct Inner {
    registry: Registry,
    store: Box<dyn Store>,
    /// With a claim for each lease whose port no other daemon has.
    kept: Kept,
    /// Owners that have ended, and whose leases have not.
    ended_owners: Vec<Owner>,
    known: HashMap<u64, Known>,
    told: Told,
    watched: Watched,
    strays: Strays,
    exclusions: Exclusions,
    exclusions_read: Option<Duration>,
    unsaved: bool,
    /// How many ports were considered for the last lease.
    considered: usize,
    /// Who was on the ports of the pool a moment ago.
    crowd: crowd::LastTable,
}

impl Manager {
    /// Takes the registry over and claims its ports again. A port that another
    /// daemon took meanwhile stays unclaimed, and its lease is `taken`.
    #[must_use]
    pub fn new(edges: Edges, settings: Settings, store: Box<dyn Store>, registry: Registry) -> Self {
        let mut kept = Kept::new(settings.files);
        for record in registry.all() {
            let _taken = kept.claim(&edges, record.port);
        }
        let mut inner = Inner {
            registry,
            store,
            kept,
            ended_owners: Vec::new(),
            known: HashMap::new(),
            told: Told::default(),
            watched: Watched::default(),
            strays: Strays::default(),
            exclusions: Exclusions { owner: settings.exclude.clone(), ..Exclusions::default() },
            exclusions_read: None,
            unsaved: false,
            considered: 0,
            crowd: None,
        };
        inner.watch_again(&edges);
        let held: Vec<Port> = inner.registry.all().filter(|r| r.wants_hold()).map(|r| r.port).collect();
        for port in held {
            inner.hold_again(&edges, true, port);
        }
        let settings = RwLock::new(Arc::new(settings));
        Self { edges, settings, listeners: SharedListeners::default(), inner: Mutex::new(inner) }
    }

    /// What the owner of the machine decides now.
    fn settings(&self) -> Arc<Settings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Decides otherwise from the next request on. Leases that are there stay
    /// as they are; `files` is what it was at the start.
    pub fn set_settings(&self, settings: Settings) {
        // Under the lock on leases, so that a request sees all of it or nothing.
        let mut inner = self.lock();
        inner.exclusions.owner.clone_from(&settings.exclude);
        let mut now = self.settings.write().unwrap_or_else(PoisonError::into_inner);
        let files = now.files;
        *now = Arc::new(Settings { files, ..settings });
    }

    /// What a commit survives from now on.
    ///
    /// # Errors
    /// [`StoreError`]; then it is as before.
    pub fn set_durability(&self, durability: Durability) -> Result<(), StoreError> {
        self.lock().store.set_durability(durability)
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

    /// Whether a lease has `port`.
    pub fn has_lease_on(&self, port: Port) -> bool {
        self.lock().registry.at(port).is_some()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
    /// Saves, then applies, then tells. After an error everything is as it was.
    fn commit(&mut self, edges: &Edges, changes: &[Change], events: Vec<Event>) -> Result<(), StoreError> {
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
        edges.events.publish(events);
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
}

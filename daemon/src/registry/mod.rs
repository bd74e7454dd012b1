//! Who holds what: leases and cooling ports in memory. Pure: no I/O, no
//! clock, no log. It changes only by [`Change`]s, and the manager applies
//! them only after the store has committed the very same ones.

mod absence;
mod home;
mod life;
mod port_set;
mod ties;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry},
    fmt,
    time::{Duration, SystemTime},
};

use portlease_proto::{Port, ProjectName, Protocol, ServiceName};

pub use absence::{Absence, GRACE};
pub use home::{Home, Settled};
pub use life::{Life, Owner, Term};
pub use port_set::PortSet;

use crate::clock::Now;
use ties::Ties;

/// How long a released port is kept from other projects.
pub const COOLING: Duration = Duration::from_secs(60);

/// What a lease is found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseKey {
    /// The project.
    pub project: ProjectName,
    /// The service inside it.
    pub service: ServiceName,
}

impl fmt::Display for LeaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.project, self.service)
    }
}

/// A lease as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Stays the same when the lease moves.
    pub id: String,
    /// Whose it is.
    pub key: LeaseKey,
    /// The port.
    pub port: Port,
    /// Where the port must be free.
    pub protocol: Protocol,
    /// The project's directory, resolved.
    pub root: Option<String>,
    /// The caller's own text.
    pub labels: BTreeMap<String, String>,
    /// Whether a socket of ours is to keep the port until the app binds it.
    pub hold: bool,
    /// When it ends by itself.
    pub life: Life,
    /// The process that `portlease run` started for it, and with which it does
    /// not end.
    pub run: Option<Owner>,
    /// The command line of its owner.
    pub owner_command: Option<Box<str>>,
    /// When it was first granted.
    pub created_at: SystemTime,
    /// When it was last granted, moved or renewed.
    pub renewed_at: SystemTime,
}

impl Record {
    /// Whether a socket of ours is to be on its port now: not while a run
    /// lives, since even an app that never sets SO_REUSEADDR must get it then.
    #[must_use]
    pub fn wants_hold(&self) -> bool {
        self.hold && self.run.is_none()
    }
}

/// A released port that other projects do not get yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cooling {
    /// The port.
    pub port: Port,
    /// The project that released it.
    pub project: ProjectName,
    /// When, on the wall clock (this is what the store keeps).
    pub released_at: SystemTime,
    /// Until when, on the boot clock.
    pub until: Duration,
}

impl Cooling {
    /// A cooling read back from the store. A wall clock that was set back
    /// meanwhile cannot make it longer than [`COOLING`].
    #[must_use]
    pub fn restored(port: Port, project: ProjectName, released_at: SystemTime, now: Now) -> Self {
        let passed = now.wall.duration_since(released_at).unwrap_or_default();
        Self { port, project, released_at, until: now.boot + COOLING.saturating_sub(passed) }
    }
}

/// One step from one state of the registry to the next; the store commits
/// several at once or none.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all changes are leases, and few live at a time")]
pub enum Change {
    /// A lease is new, or is now so.
    Put(Record),
    /// A lease is gone.
    Remove(LeaseKey),
    /// A port cools.
    Cool(Cooling),
    /// A port cools no longer.
    Warm(Port),
    /// A project's name belongs to a directory.
    Settle(ProjectName, Home),
    /// It no longer does.
    Leave(ProjectName),
    /// A root is gone.
    Absent(String, Absence),
    /// It is not, or nobody has it any more.
    Present(String),
}

/// All leases of one daemon. No port is in two of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Registry {
    /// Most projects have one service, and a map makes room for eleven: those
    /// should be places, and not whole leases.
    projects: BTreeMap<ProjectName, BTreeMap<ServiceName, Box<Record>>>,
    by_port: HashMap<Port, LeaseKey>,
    /// The ports of all leases.
    ports: PortSet,
    cooling: HashMap<Port, Cooling>,
    /// How many leases have each root.
    roots: HashMap<String, usize>,
    /// The leases that must be renewed, the first to end first.
    terms: BTreeSet<(Duration, LeaseKey)>,
    owners: Ties,
    runs: Ties,
    homes: home::Homes,
    absences: BTreeMap<String, Absence>,
}

impl Registry {
    /// The lease of that name.
    #[must_use]
    pub fn find(&self, key: &LeaseKey) -> Option<&Record> {
        self.projects.get(&key.project)?.get(&key.service).map(Box::as_ref)
    }

    /// The lease that has `port`.
    #[must_use]
    pub fn at(&self, port: Port) -> Option<&Record> {
        self.find(self.by_port.get(&port)?)
    }

    /// Whether a lease has `port`.
    #[must_use]
    pub fn is_leased(&self, port: Port) -> bool {
        self.ports.contains(port)
    }

    /// Every lease, by project and service.
    pub fn all(&self) -> impl Iterator<Item = &Record> {
        self.projects.values().flat_map(BTreeMap::values).map(Box::as_ref)
    }

    /// The leases of one project, by service.
    pub fn of_project(&self, project: &ProjectName) -> impl Iterator<Item = &Record> {
        self.projects.get(project).into_iter().flat_map(BTreeMap::values).map(Box::as_ref)
    }

    /// How many leases a project has.
    #[must_use]
    pub fn count(&self, project: &ProjectName) -> usize {
        self.projects.get(project).map_or(0, BTreeMap::len)
    }

    /// Whether a lease other than that of `key` has this root.
    #[must_use]
    pub fn is_root_besides(&self, dir: &str, key: &LeaseKey) -> bool {
        let all = self.roots.get(dir).copied().unwrap_or_default();
        let own = self.find(key).is_some_and(|record| record.root.as_deref() == Some(dir));
        all > usize::from(own)
    }

    /// How many leases there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_port.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_port.is_empty()
    }

    /// The project for which `port` still cools.
    #[must_use]
    pub fn cooling(&self, port: Port, now: Now) -> Option<&ProjectName> {
        self.cooling.get(&port).filter(|cooling| now.boot < cooling.until).map(|cooling| &cooling.project)
    }

    /// When the next term is over, on the clock that [`Term::until`] is on.
    #[must_use]
    pub fn next_end(&self) -> Option<Duration> {
        self.terms.first().map(|(until, _)| *until)
    }

    /// The leases whose term is over.
    pub fn over(&self, now: Now) -> impl Iterator<Item = &LeaseKey> {
        self.terms.iter().take_while(move |(until, _)| *until <= now.awake).map(|(_, key)| key)
    }

    /// The processes that leases live and die with.
    pub fn owners(&self) -> impl Iterator<Item = Owner> {
        self.owners.processes()
    }

    /// The leases that live and die with a process.
    pub fn of_owner(&self, owner: Owner) -> impl Iterator<Item = &LeaseKey> {
        self.owners.of(owner)
    }

    /// The processes that `portlease run` started.
    pub fn runs(&self) -> impl Iterator<Item = Owner> {
        self.runs.processes()
    }

    /// The leases that a process was started for.
    pub fn of_run(&self, run: Owner) -> impl Iterator<Item = &LeaseKey> {
        self.runs.of(run)
    }

    /// All processes whose end changes a lease, each once.
    pub fn processes(&self) -> impl Iterator<Item = Owner> {
        self.owners().chain(self.runs().filter(|run| self.owners.of(*run).next().is_none()))
    }

    /// What releasing these leases changes: they go, their ports cool, names
    /// that no lease has any more are free, and ports that have cooled long
    /// enough are forgotten.
    #[must_use]
    pub fn release(&self, keys: &[LeaseKey], now: Now) -> Vec<Change> {
        let warm = self.cooling.values().filter(|c| c.until <= now.boot).map(|c| Change::Warm(c.port));
        let gone = keys.iter().filter_map(|key| self.find(key)).flat_map(|record| {
            let cooling = Cooling {
                port: record.port,
                project: record.key.project.clone(),
                released_at: now.wall,
                until: now.boot + COOLING,
            };
            [Change::Remove(record.key.clone()), Change::Cool(cooling)]
        });
        let mut released: BTreeMap<&ProjectName, usize> = BTreeMap::new();
        for key in keys.iter().filter(|key| self.find(key).is_some()) {
            *released.entry(&key.project).or_default() += 1;
        }
        let left = released
            .into_iter()
            .filter(|(project, count)| self.homes.contains_key(*project) && self.count(project) == *count);
        warm.chain(gone).chain(left.map(|(project, _)| Change::Leave(project.clone()))).collect()
    }

    /// The changes that make an empty registry into this one.
    #[must_use]
    pub fn as_changes(&self) -> Vec<Change> {
        let leases = self.all().cloned().map(Change::Put);
        let homes = self.homes.iter().map(|(project, home)| Change::Settle(project.clone(), home.clone()));
        let absences = self.absences.iter().map(|(root, absence)| Change::Absent(root.clone(), *absence));
        leases.chain(self.cooling.values().cloned().map(Change::Cool)).chain(homes).chain(absences).collect()
    }

    /// Takes one step.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Put(record) => self.put(record.clone()),
            Change::Remove(key) => self.remove(key),
            Change::Cool(cooling) => {
                self.cooling.insert(cooling.port, cooling.clone());
            }
            Change::Warm(port) => {
                self.cooling.remove(port);
            }
            Change::Settle(project, home) => {
                self.homes.insert(project.clone(), home.clone());
            }
            Change::Leave(project) => {
                self.homes.remove(project);
            }
            Change::Absent(root, absence) => {
                self.absences.insert(root.clone(), *absence);
            }
            Change::Present(root) => {
                self.absences.remove(root);
            }
        }
    }

    fn put(&mut self, record: Record) {
        debug_assert!(self.at(record.port).is_none_or(|other| other.key == record.key));
        self.remove(&record.key.clone());
        self.cooling.remove(&record.port);
        self.by_port.insert(record.port, record.key.clone());
        self.ports.insert(record.port);
        if let Some(root) = &record.root {
            *self.roots.entry(root.clone()).or_default() += 1;
        }
        if let Some(term) = record.life.term {
            self.terms.insert((term.until, record.key.clone()));
        }
        self.owners.tie(record.life.owner, &record.key);
        self.runs.tie(record.run, &record.key);
        self.projects
            .entry(record.key.project.clone())
            .or_default()
            .insert(record.key.service.clone(), Box::new(record));
    }

    fn remove(&mut self, key: &LeaseKey) {
        let Some(services) = self.projects.get_mut(&key.project) else { return };
        let removed = services.remove(&key.service);
        if services.is_empty() {
            self.projects.remove(&key.project);
        }
        if let Some(record) = removed {
            self.by_port.remove(&record.port);
            self.ports.remove(record.port);
            self.forget_life(&record);
            self.forget_root(record.root);
        }
    }

    fn forget_life(&mut self, record: &Record) {
        if let Some(term) = record.life.term {
            self.terms.remove(&(term.until, record.key.clone()));
        }
        self.owners.untie(record.life.owner, &record.key);
        self.runs.untie(record.run, &record.key);
    }

    fn forget_root(&mut self, root: Option<String>) {
        if let Some(Entry::Occupied(mut count)) = root.map(|root| self.roots.entry(root)) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! The real manager over a real registry file, with the kernel, the clock and
//! the processes of the doubles.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    sync::{Arc, Mutex},
    thread::ThreadId,
    time::{Duration, SystemTime},
};

use portlease_proto::{
    BatchRequest, GetRequest, LeaseState, Port, ProjectName, RenewRequest, ServiceName, Ttl,
};
use tempfile::TempDir;

use super::{
    Answer, FEW, Got, Name, Op, Refusal, Want,
    faults::{Fault, FaultyFile},
    plain::{Cooling, Lease, Plain, Saved, Term},
};
use crate::{
    allocator::Pool,
    clock::Clock,
    doubles::{Doubles, FixedOwners},
    manager::{Error, Granted, Manager, Settings},
    registry::{LeaseKey, Record},
    store::{Durability, SqliteStore},
};

/// A daemon without its HTTP server, and the machine that it runs on.
pub(super) struct Real {
    pub(super) doubles: Doubles,
    pub(super) fault: Arc<Mutex<Fault>>,
    pub(super) last: Last,
    pub(super) manager: Arc<Manager>,
    home: TempDir,
}

impl Real {
    pub(super) fn new(living: &BTreeSet<u32>) -> Self {
        let (doubles, fault, last) = (Doubles::default(), Arc::default(), Arc::default());
        // Thousands of them are made: not on the disk where that can be had.
        let memory = std::path::Path::new("/dev/shm");
        let home = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let home = home.unwrap();
        living.iter().for_each(|pid| doubles.owners.begin(*pid));
        let manager = Arc::new(start(&doubles, &fault, &last, &home));
        Self { doubles, fault, last, manager, home }
    }

    /// The daemon is gone without a word, and another one is started.
    pub(super) fn restart(&mut self, living: &BTreeSet<u32>) {
        // What it watched, the kernel forgot with it.
        self.doubles.owners = Arc::new(FixedOwners::default());
        living.iter().for_each(|pid| self.doubles.owners.begin(*pid));
        // SQLite shares what it knows of a file within a process: closed first.
        let nothing = Doubles::default();
        self.manager = Arc::new(nothing.manager());
        self.fault.lock().unwrap().died();
        *self.last.lock().unwrap() = None;
        self.manager = Arc::new(start(&self.doubles, &self.fault, &self.last, &self.home));
    }

    /// The plain maps as they would be now, on a machine where nothing else runs
    /// and no time has passed.
    pub(super) fn as_plain(&self) -> Plain {
        let mut plain = Plain::new(1..=super::steps::OWNERS);
        plain.saved = self.saved();
        for cooling in plain.saved.cooling.values_mut() {
            (cooling.released, cooling.until) = (plain.wall, plain.boot + super::plain::COOLING);
        }
        plain.claimed = self.manager.claimed().into_iter().collect();
        plain
    }

    /// All leases and cooling ports.
    pub(super) fn saved(&self) -> Saved {
        let inner = self.manager.lock();
        let now = self.doubles.clock.now();
        let near = FEW.first().get() - 10..FEW.last().get() + 10;
        let ports = near.map(Port::constant);
        let cooling = ports.filter_map(|port| Some((port, inner.registry.cooling(port, now)?)));
        let cooling = cooling.map(|(port, project)| {
            let number = project.as_str()[1..].parse().unwrap();
            (port, Cooling { project: number, released: 0, until: 0 })
        });
        let leases: BTreeMap<Name, Lease> = inner.registry.all().map(lease).collect();
        assert_eq!(leases.len(), inner.registry.len());
        Saved { leases, cooling: cooling.collect() }
    }
}

type Last = Arc<Mutex<Option<ThreadId>>>;

fn start(doubles: &Doubles, fault: &Arc<Mutex<Fault>>, last: &Last, home: &TempDir) -> Manager {
    let now = doubles.clock.now();
    let opened = SqliteStore::open(&home.path().join("registry.db"), Durability::Normal, now).unwrap();
    assert!(opened.set_aside.is_none());
    let settings = Settings { pool: Pool::from(FEW), leases_per_project: 16, ..Settings::default() };
    let store = FaultyFile { inner: opened.store, fault: Arc::clone(fault), last: Arc::clone(last) };
    Manager::new(doubles.edges(), settings, Box::new(store), opened.registry)
}

fn lease(record: &Record) -> (Name, Lease) {
    let term = record.life.term.map(|term| Term {
        ttl: term.ttl.duration().as_secs(),
        until: term.until.as_secs(),
        expires: seconds(term.expires_at),
    });
    let owner = record.life.owner.map(|owner| owner.pid);
    let lease = Lease { port: record.port, term, owner, renewed: seconds(record.renewed_at) };
    (name(&record.key), lease)
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

pub(super) fn name(LeaseKey { project, service }: &LeaseKey) -> Name {
    Name(project.as_str()[1..].parse().unwrap(), number(service))
}

fn number(service: &ServiceName) -> u8 {
    service.as_str()[1..].parse().unwrap()
}

fn project(number: u8) -> ProjectName {
    format!("p{number}").parse().unwrap()
}

fn service(number: u8) -> ServiceName {
    format!("s{number}").parse().unwrap()
}

fn key(name: Name) -> LeaseKey {
    LeaseKey { project: project(name.0), service: service(name.1) }
}

fn ttl(seconds: Option<u64>) -> Option<Ttl> {
    seconds.map(|seconds| Ttl::from_seconds(seconds).unwrap())
}

fn request(want: &Want) -> GetRequest {
    GetRequest {
        port: want.port,
        prefer: want.prefer.clone(),
        ttl_s: ttl(want.ttl),
        owner_pid: want.owner.and_then(NonZeroU32::new),
        reset: want.reset,
        strict: want.strict,
        ..GetRequest::default()
    }
}

/// Asks the real manager.
pub(super) fn ask(manager: &Manager, op: &Op) -> Answer {
    let answer = match op {
        Op::Get(number, wants) => get(manager, *number, wants).map(|granted| {
            let mut all: Vec<Got> = granted.iter().map(got).collect();
            all.sort_by_key(|got| got.service);
            Answer::Granted(all)
        }),
        Op::Renew(name, seconds) => manager
            .renew(&key(*name), &RenewRequest { ttl_s: ttl(*seconds) })
            .map(|lease| Answer::Renewed(expires(&lease))),
        Op::Release(number, one) => {
            manager.release(&project(*number), one.map(service).as_ref()).map(|()| Answer::Done)
        }
        Op::Mv(from, to) => manager.mv(&key(*from), &key(*to)).map(|()| Answer::Done),
        Op::MvProject(from, to) => manager.mv_project(&project(*from), &project(*to)).map(|()| Answer::Done),
        Op::List => manager.list(None).map(|leases| {
            let key = |lease: &portlease_proto::Lease| LeaseKey {
                project: lease.project.clone(),
                service: lease.service.clone(),
            };
            let one = |lease: &portlease_proto::Lease| (name(&key(lease)), lease.port);
            Answer::Listed(leases.iter().map(one).collect())
        }),
        Op::Expire => manager.expire().map(|next| Answer::Next(next.map(|next| next.as_secs()))),
    };
    answer.unwrap_or_else(|error| Answer::Refused(refusal(&error)))
}

fn get(manager: &Manager, number: u8, wants: &[(u8, Want)]) -> Result<Vec<Granted>, Error> {
    if let [(one, want)] = wants {
        return Ok(vec![manager.get(&key(Name(number, *one)), &request(want))?]);
    }
    let services = wants.iter().map(|(one, want)| (service(*one), request(want))).collect();
    manager.get_all(&project(number), &BatchRequest { services, ..BatchRequest::default() })
}

fn got(granted: &Granted) -> Got {
    let lease = &granted.lease;
    let bound = match lease.state {
        LeaseState::Bound => true,
        LeaseState::Reserved => false,
        other => panic!("a lease that was just granted is {other:?}"),
    };
    let moved_from = lease.changed.as_ref().map(|change| {
        assert_eq!(change.to, lease.port);
        change.from
    });
    let (service, port) = (number(&lease.service), lease.port);
    Got { service, port, created: granted.created, bound, moved_from, expires: expires(lease) }
}

fn expires(lease: &portlease_proto::Lease) -> Option<u64> {
    lease.expires_at.as_ref().map(|text| seconds(humantime::parse_rfc3339(text).unwrap()))
}

fn refusal(error: &Error) -> Refusal {
    match error {
        Error::BadOwner { .. } => Refusal::BadOwner,
        Error::Claimed { .. } => Refusal::Claimed,
        Error::Cooling { .. } => Refusal::Cooling,
        Error::Differs { .. } => Refusal::Differs,
        Error::Exhausted { .. } => Refusal::Exhausted,
        Error::Exists { .. } => Refusal::Exists,
        Error::InUse { .. } => Refusal::InUse,
        Error::Leased { .. } => Refusal::Leased,
        Error::NoSuchLease { .. } => Refusal::NoSuchLease,
        Error::Stays { .. } => Refusal::Stays,
        Error::Store(_) => Refusal::Store,
        other => panic!("no model of {other}"),
    }
}

/// What the model has of a registry that tells less of cooling ports.
pub(super) fn told(saved: &Saved, boot: u64) -> Saved {
    let cooling = saved.cooling.iter().filter(|(_, cooling)| cooling.until > boot);
    let cooling =
        cooling.map(|(port, cooling)| (*port, Cooling { project: cooling.project, released: 0, until: 0 }));
    Saved { leases: saved.leases.clone(), cooling: cooling.collect::<BTreeMap<Port, Cooling>>() }
}

/// So long.
pub(super) const fn time(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

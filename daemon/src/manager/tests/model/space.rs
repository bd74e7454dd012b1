//! A small world, and all of it: four leases of three clients on three ports,
//! strangers, another daemon, terms, an owner, and a daemon that is killed
//! before or after it saves. Each step is the real manager's, made anew from
//! what was saved, so a state is the registry, who is alive and on which port,
//! and what clients were promised.
//!
//! Time goes in ticks of a minute: terms last two, cooling one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use portlease_proto::{Port, PortRange};
use stateright::{Checker, Model, Property};

use super::{
    Answer, Name, Op, Refusal, Want,
    faults::{Fault, Faulty},
    real,
};
use crate::{
    allocator::Pool,
    clock::{BootId, Clock},
    doubles::Doubles,
    manager::{Manager, Settings, tests::key},
    registry::{Change, Cooling, Life, Owner, Record, Registry, Term},
};

const POOL: PortRange = PortRange::constant(20100, 20102);
const TICK: u64 = 60;
/// How many ticks a term has.
const TERM: u64 = 2;
const OWNER: u32 = 7;
/// One project with two services, which are asked for together.
const TWINS: [Name; 2] = [Name(0, 0), Name(0, 1)];
/// A lease with a term, and one with an owner.
const RENEWED: Name = Name(1, 0);
const OWNED: Name = Name(2, 0);

/// A lease: its port, and how many ticks it has left, if it has a term.
type Lease = (Port, Option<u64>);

/// The whole world at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    up: bool,
    leases: BTreeMap<Name, Lease>,
    /// Which project left a port within the last tick.
    cooling: BTreeMap<Port, u8>,
    strangers: BTreeSet<Port>,
    elsewhere: BTreeSet<Port>,
    owner_lives: bool,
    /// What clients were told and may count on.
    promised: BTreeMap<Name, Lease>,
    /// What must never happen in a step, and did.
    broken: Option<&'static str>,
}

/// How often something of interest happened: else nothing was shown.
#[derive(Debug, Default)]
struct Seen {
    moved: AtomicUsize,
    exhausted: AtomicUsize,
    saved_without_a_word: AtomicUsize,
    ended: AtomicUsize,
}

fn note(count: &AtomicUsize) {
    count.fetch_add(1, Ordering::Relaxed);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Ask(Client, Verb, Fate),
    Tick,
    OwnerEnds,
    Stranger(Port, bool),
    Elsewhere(Port, bool),
    Start,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    Twins,
    Renewed,
    Owned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Get,
    Release,
    Renew,
}

/// What becomes of the daemon while it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Lives,
    DiesBefore,
    DiesAfter,
}

impl Client {
    fn names(self) -> &'static [Name] {
        match self {
            Self::Twins => &TWINS,
            Self::Renewed => &[RENEWED],
            Self::Owned => &[OWNED],
        }
    }

    fn op(self, verb: Verb) -> Op {
        let first = self.names()[0];
        let want = match self {
            Self::Twins => Want::default(),
            Self::Renewed => Want { ttl: Some(TERM * TICK), ..Want::default() },
            Self::Owned => Want { owner: Some(OWNER), ..Want::default() },
        };
        match verb {
            Verb::Get => Op::Get(first.0, self.names().iter().map(|name| (name.1, want.clone())).collect()),
            Verb::Release => Op::Release(first.0, None),
            Verb::Renew => Op::Renew(first, None),
        }
    }
}

/// A manager with its doubles, as the world has it.
struct Daemon {
    doubles: Doubles,
    fault: Arc<Mutex<Fault>>,
    manager: Manager,
}

impl World {
    fn begin() -> Self {
        Self {
            up: true,
            leases: BTreeMap::new(),
            cooling: BTreeMap::new(),
            strangers: BTreeSet::new(),
            elsewhere: BTreeSet::new(),
            owner_lives: true,
            promised: BTreeMap::new(),
            broken: None,
        }
    }

    fn registry(&self, doubles: &Doubles) -> Registry {
        let now = doubles.clock.now();
        let mut registry = Registry::default();
        for (name, (port, left)) in &self.leases {
            let ttl = portlease_proto::Ttl::from_seconds(TERM * TICK).unwrap();
            let begun = Term::begin(ttl, now);
            let term = left.map(|left| Term { until: now.awake + real::time(left * TICK), ..begun });
            let owner = Owner { pid: OWNER, start: u64::from(OWNER) * 100, boot_id: BootId(1) };
            let owner = (*name == OWNED).then_some(owner);
            registry.apply(&Change::Put(Record {
                id: name.to_string(),
                key: key(&name.to_string()),
                port: *port,
                protocol: Default::default(),
                root: None,
                labels: BTreeMap::new(),
                hold: false,
                life: Life { term, owner, after: None },
                run: None,
                owner_command: None,
                created_at: now.wall,
                renewed_at: now.wall,
            }));
        }
        for (port, project) in &self.cooling {
            let project = key(&Name(*project, 0).to_string()).project;
            let cooling = Cooling::restored(*port, project, now.wall, now);
            registry.apply(&Change::Cool(cooling));
        }
        registry
    }

    /// The daemon as it runs, with what it has in memory and in the store.
    fn daemon(&self) -> Daemon {
        let doubles = Doubles::default();
        if self.owner_lives {
            doubles.owners.begin(OWNER);
        }
        for port in &self.strangers {
            doubles.stranger(*port);
        }
        doubles.sockets.kernel().claimed_elsewhere.clone_from(&self.elsewhere);
        let registry = self.registry(&doubles);
        let mut saved = Arc::clone(&doubles.store);
        crate::store::Store::rewrite(&mut saved, &registry).unwrap();
        let fault = Arc::default();
        let store = Faulty { inner: saved, fault: Arc::clone(&fault), last: Default::default() };
        let settings = Settings { pool: Pool::from(POOL), ..Settings::default() };
        let manager = Manager::new(doubles.edges(), settings, Box::new(store), registry);
        Daemon { doubles, fault, manager }
    }

    /// What the registry says, as the world has it.
    fn take(&mut self, registry: &Registry, doubles: &Doubles) {
        let now = doubles.clock.now();
        let ticks = |term: Term| term.left(now).as_secs() / TICK;
        self.leases = registry
            .all()
            .map(|record| (real::name(&record.key), (record.port, record.life.term.map(ticks))))
            .collect();
        let number = |project: &portlease_proto::ProjectName| project.as_str()[1..].parse().unwrap();
        let cooling = POOL.ports().filter_map(|port| Some((port, number(registry.cooling(port, now)?))));
        self.cooling = cooling.collect();
    }

    fn is_over(&self, name: Name, left: Option<u64>) -> bool {
        left == Some(0) || (name == OWNED && !self.owner_lives)
    }

    fn ask(&mut self, seen: &Seen, client: Client, verb: Verb, fate: Fate) {
        let daemon = self.daemon();
        *daemon.fault.lock().unwrap() = match fate {
            Fate::Lives => Fault::None,
            Fate::DiesBefore => Fault::Before,
            Fate::DiesAfter => Fault::After,
        };
        let before = self.leases.clone();
        // From now on it may be gone, whatever the answer.
        if verb == Verb::Release {
            self.promised.retain(|name, _| !client.names().contains(name));
        }
        let answer = real::ask(&daemon.manager, &client.op(verb));
        let saved = daemon.doubles.store.saved();
        if fate == Fate::Lives && daemon.manager.lock().registry != saved {
            self.broken = Some("the store has something else than the daemon answers with");
        }
        self.take(&saved, &daemon.doubles);
        self.up = fate == Fate::Lives;
        if self.up {
            self.hear(seen, client, &answer, &before);
            self.check_claims(&daemon);
        } else {
            // It may have moved away from a stranger, and not said so.
            let moved = |name: &Name| self.leases.get(name) != before.get(name);
            let unsure: Vec<Name> = client.names().iter().copied().filter(moved).collect();
            self.promised.retain(|name, (port, _)| {
                !unsure.contains(name) || !self.strangers.contains(port) && !self.elsewhere.contains(port)
            });
            if fate == Fate::DiesAfter && self.leases != before {
                note(&seen.saved_without_a_word);
            }
        }
    }

    /// What a client learns.
    fn hear(&mut self, seen: &Seen, client: Client, answer: &Answer, before: &BTreeMap<Name, Lease>) {
        match answer {
            Answer::Granted(got) => {
                for (name, got) in client.names().iter().zip(got) {
                    let had = before.get(name).is_some_and(|(port, _)| *port == got.port);
                    if self.strangers.contains(&got.port) || (!had && self.elsewhere.contains(&got.port)) {
                        self.broken = Some("G: a port that somebody has was granted");
                    }
                    if got.moved_from.is_some() {
                        note(&seen.moved);
                    }
                    match self.leases.get(name) {
                        Some(lease) if lease.0 == got.port => _ = self.promised.insert(*name, *lease),
                        _ => self.broken = Some("A: what was answered is not in the store"),
                    }
                }
            }
            Answer::Renewed(_) => {
                let name = client.names()[0];
                match self.leases.get(&name) {
                    Some(lease) => _ = self.promised.insert(name, *lease),
                    None => self.broken = Some("A: what was renewed is not in the store"),
                }
            }
            Answer::Refused(Refusal::Exhausted) => note(&seen.exhausted),
            _ => {}
        }
    }

    fn check_claims(&mut self, daemon: &Daemon) {
        let claimed = daemon.manager.claimed();
        if claimed.iter().any(|port| self.elsewhere.contains(port)) {
            self.broken = Some("B: two daemons have claimed one port");
        }
        let leased: BTreeSet<Port> = self.leases.values().map(|(port, _)| *port).collect();
        if claimed.iter().any(|port| !leased.contains(port)) {
            self.broken = Some("B: a port is claimed that no lease has");
        }
    }

    fn tick(&mut self, seen: &Seen) {
        let one_less = |(_, left): &mut Lease| *left = left.map(|left| left.saturating_sub(1));
        self.leases.values_mut().for_each(one_less);
        self.promised.values_mut().for_each(one_less);
        self.cooling.clear();
        self.end(seen);
    }

    /// The daemon ends what is over, if it runs.
    fn end(&mut self, seen: &Seen) {
        let (leases, owner_lives) = (self.leases.clone(), self.owner_lives);
        self.promised.retain(|name, (_, left)| *left != Some(0) && (*name != OWNED || owner_lives));
        if !self.up {
            return;
        }
        let daemon = self.daemon();
        real::ask(&daemon.manager, &Op::Expire);
        self.take(&daemon.doubles.store.saved(), &daemon.doubles);
        self.check_claims(&daemon);
        for (name, (_, left)) in leases {
            match (self.is_over(name, left), self.leases.contains_key(&name)) {
                (true, true) => self.broken = Some("what is over has not ended"),
                (false, false) => self.broken = Some("C: a lease ended before its time"),
                (true, false) => note(&seen.ended),
                (false, true) => {}
            }
        }
    }
}

/// The whole of it.
#[derive(Default)]
struct Space(Arc<Seen>);

impl Model for Space {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::begin()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.up {
            for client in [Client::Twins, Client::Renewed, Client::Owned] {
                for verb in [Verb::Get, Verb::Release, Verb::Renew] {
                    if verb == Verb::Renew && client != Client::Renewed {
                        continue;
                    }
                    for fate in [Fate::Lives, Fate::DiesBefore, Fate::DiesAfter] {
                        actions.push(Action::Ask(client, verb, fate));
                    }
                }
            }
        } else {
            actions.push(Action::Start);
        }
        actions.push(Action::Tick);
        if world.owner_lives {
            actions.push(Action::OwnerEnds);
        }
        for port in POOL.ports() {
            // One trouble at a time: more of them are no other kind.
            let quiet = world.strangers.is_empty() && world.elsewhere.is_empty();
            let here = world.strangers.contains(&port);
            if here || quiet {
                actions.push(Action::Stranger(port, !here));
            }
            let elsewhere = world.elsewhere.contains(&port);
            let ours = world.up && world.leases.values().any(|(leased, _)| *leased == port);
            if elsewhere || (quiet && !ours) {
                actions.push(Action::Elsewhere(port, !elsewhere));
            }
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        match action {
            Action::Ask(client, verb, fate) => next.ask(&self.0, client, verb, fate),
            Action::Tick => next.tick(&self.0),
            Action::OwnerEnds => {
                next.owner_lives = false;
                next.end(&self.0);
            }
            Action::Stranger(port, true) => _ = next.strangers.insert(port),
            Action::Stranger(port, false) => _ = next.strangers.remove(&port),
            Action::Elsewhere(port, true) => _ = next.elsewhere.insert(port),
            Action::Elsewhere(port, false) => _ = next.elsewhere.remove(&port),
            Action::Start => {
                next.up = true;
                next.end(&self.0);
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nothing happens that must not", |_, world: &World| world.broken.is_none()),
            Property::always("A, C: who was promised a lease has it, with its port", |_, world: &World| {
                // A renewal that nobody heard of makes it longer.
                world.promised.iter().all(|(name, (port, left))| {
                    world.leases.get(name).is_some_and(|lease| lease.0 == *port && lease.1 >= *left)
                })
            }),
            Property::always("B: no port is in two leases", |_, world: &World| {
                let ports: BTreeSet<Port> = world.leases.values().map(|(port, _)| *port).collect();
                ports.len() == world.leases.len()
            }),
            Property::always("D: both of the twins, or none", |_, world: &World| {
                TWINS.iter().filter(|name| world.leases.contains_key(name)).count() != 1
            }),
        ]
    }
}

#[test]
fn a_small_world_keeps_its_promises_in_every_state() {
    let space = Space::default();
    let seen = Arc::clone(&space.0);
    let checker = space.checker().threads(2).spawn_bfs().join();
    println!(
        "{} states, {} of them different; {seen:?}",
        checker.state_count(),
        checker.unique_state_count()
    );
    checker.assert_properties();
    assert!(checker.is_done());
    for count in [&seen.moved, &seen.exhausted, &seen.saved_without_a_word, &seen.ended] {
        assert!(count.load(Ordering::Relaxed) > 0, "{seen:?}");
    }
}

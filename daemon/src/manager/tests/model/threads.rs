//! The locks of the manager, of its events and of what it shares of the
//! kernel's tables, taken in orders that a scheduler draws: clients, some of
//! whose requests let go of the lock on their way because a stranger has to be
//! found out about, beside the look-out, the keeper, a stream and a reload.
//! What the clients were answered must fit into an order, as ever.
//!
//! `MODEL_INTERLEAVINGS` says how many, `MODEL_SEED` which. Everything runs in
//! one thread of the machine, so a seed repeats all of it.

use std::sync::{Arc, Mutex};

use portlease_proto::Port;
use proptest::{
    prelude::Strategy,
    strategy::ValueTree,
    test_runner::{Config as Seeded, RngSeed, TestRunner},
};
use shuttle::{Config, Runner, scheduler::RandomScheduler, thread};

use super::{
    FEW, Name, Op, Want, amount,
    history::{Entry, calls},
    order,
    plain::{Plain, Who},
    real, seed,
    steps::{self, OWNERS},
};
use crate::{
    allocator::Pool,
    doubles::Doubles,
    events::After,
    manager::{Manager, Settings},
};

const CLIENTS: usize = 3;
/// How much each client asks.
const QUESTIONS: usize = 3;
/// How many orders are tried of one script.
const OF_EACH: usize = 100;
/// The walks of a debug build through JSON and formats need more than a page or two.
const STACK: usize = 1 << 20;

type Script = Vec<Vec<Op>>;

fn settings() -> Settings {
    Settings { pool: Pool::from(FEW), leases_per_project: 16, ..Settings::default() }
}

/// A lease whose port a stranger comes to is moved, renamed, released, and
/// wanted by others, all at once.
fn moving(taken: Port) -> Script {
    let get = |project, services: &[u8]| {
        Op::Get(project, services.iter().map(|service| (*service, Want::default())).collect())
    };
    let exactly = Want { port: Some(taken), ..Want::default() };
    vec![
        vec![get(0, &[0]), Op::List],
        vec![Op::Mv(Name(0, 0), Name(1, 0)), get(0, &[0, 1]), Op::Release(1, None)],
        vec![Op::Release(0, None), Op::Get(2, vec![(0, exactly)]), Op::Expire],
    ]
}

/// What each client asks, at random.
fn any() -> impl Strategy<Value = Script> {
    proptest::collection::vec(proptest::collection::vec(steps::op(), QUESTIONS), CLIENTS)
}

/// One run: which of the script's threads goes on is the scheduler's choice.
fn one(script: Option<Script>) {
    let doubles = Doubles::default();
    (1..=OWNERS).for_each(|pid| doubles.owners.begin(pid));
    let manager = Arc::new(doubles.manager_with(settings()));
    let mut plain = Plain::new(1..=OWNERS);
    let first = Op::Get(0, vec![(0, Want::default())]);
    assert_eq!(real::ask(&manager, &first), plain.ask(&first));
    let taken = plain.saved.leases[&Name(0, 0)].port;
    doubles.stranger(taken);
    plain.sockets.insert(taken, Who::Stranger);

    let begun = doubles.edges().events.latest();
    let log = Arc::new(Mutex::new(Vec::new()));
    let mut running = Vec::new();
    for (client, ops) in script.unwrap_or_else(|| moving(taken)).into_iter().enumerate() {
        let log = Arc::clone(&log);
        running.push(beside(&manager, move |manager| {
            for (nth, op) in ops.into_iter().enumerate() {
                let number = client * 8 + nth;
                log.lock().unwrap().push(Entry::Asked(number, op.clone()));
                let answer = real::ask(manager, &op);
                log.lock().unwrap().push(Entry::Answered(number, answer));
            }
        }));
    }
    running.push(beside(&manager, |manager| {
        for _ in 0..2 {
            manager.look_closer(manager.glance().unwrap()).unwrap();
        }
    }));
    running.push(beside(&manager, |manager| {
        manager.restore_store().unwrap();
        manager.set_settings(settings());
        manager.ready().unwrap();
        let _saved = manager.take_unsaved();
    }));
    running.into_iter().for_each(|thread| thread.join().unwrap());
    let log = std::mem::take(&mut *log.lock().unwrap());
    assert!(order::exists(&plain, calls(&log)), "no order: {plain:?} {log:#?}");
    check(&manager, &doubles, begun);
}

fn beside(manager: &Arc<Manager>, what: impl FnOnce(&Manager) + Send + 'static) -> thread::JoinHandle<()> {
    let manager = Arc::clone(manager);
    thread::spawn(move || what(&manager))
}

/// In the end memory, store and claims agree, and no event was lost.
fn check(manager: &Manager, doubles: &Doubles, begun: u64) {
    let claimed = manager.claimed();
    let inner = manager.lock();
    assert_eq!(inner.registry, doubles.store.saved());
    let mut ports: Vec<Port> = inner.registry.all().map(|record| record.port).collect();
    ports.sort_unstable();
    assert_eq!(claimed, ports);
    let events = &doubles.edges().events;
    let told = events.after(begun, usize::MAX);
    assert!(matches!(&told, After::Events(all) if all.len() as u64 == events.latest() - begun), "{told:?}");
}

#[test]
fn whichever_thread_goes_first_there_is_an_order() {
    let (seed, interleavings) = (seed(), amount("MODEL_INTERLEAVINGS", 10_000));
    let mut runner = TestRunner::new(Seeded { rng_seed: RngSeed::Fixed(seed), ..Seeded::default() });
    for round in 0..interleavings.div_ceil(OF_EACH) {
        let script = (round % 2 == 1).then(|| any().new_tree(&mut runner).unwrap().current());
        let mut config = Config::new();
        config.stack_size = STACK;
        let scheduler = RandomScheduler::new_from_seed(seed.wrapping_add(round as u64), OF_EACH);
        Runner::new(scheduler, config).run(move || one(script.clone()));
    }
}

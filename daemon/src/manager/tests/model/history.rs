//! Many threads at once: whatever they were answered, there is an order of
//! what they asked in which the plain maps answer the same, and in which
//! nobody who had his answer comes after one who asked later. From time to
//! time the daemon is killed and started again; what was not answered then
//! may have happened or not.
//!
//! `MODEL_HISTORIES` says how many histories, `MODEL_SEED` which.

use std::{
    collections::HashMap,
    sync::{
        Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{
    Answer, Op, Refusal, amount,
    faults::Fault,
    order::{self, Call},
    plain::Plain,
    real::{self, Real},
    seed,
    steps::{self, OWNERS},
};
use proptest::{
    prelude::Strategy,
    strategy::ValueTree,
    test_runner::{Config, RngSeed, TestRunner},
};

const CLIENTS: usize = 8;
/// How much each client asks between two starts of the daemon.
const QUESTIONS: usize = 4;
/// How often the daemon is started; each life begins with what the last one
/// left in the store.
const LIVES: usize = 3;

/// What was asked and answered, as it went; each question has a number.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    Asked(usize, Op),
    Answered(usize, Answer),
}

/// What each client asks, and after how many questions the daemon is killed.
fn script() -> impl Strategy<Value = (Vec<Vec<Op>>, usize)> {
    let ops = proptest::collection::vec(steps::op(), QUESTIONS);
    (proptest::collection::vec(ops, CLIENTS), 1..CLIENTS * QUESTIONS * 2)
}

/// Runs all clients until they have no more to ask, or the daemon is killed.
fn live(real: &Real, asks: Vec<Vec<Op>>, kill_at: usize) -> Vec<Entry> {
    let (begin, asked, log) = (Barrier::new(CLIENTS), AtomicUsize::new(0), Mutex::new(Vec::new()));
    let unheard: Vec<usize> = thread::scope(|scope| {
        let mut running = Vec::new();
        for (client, ops) in asks.into_iter().enumerate() {
            let (begin, asked, log) = (&begin, &asked, &log);
            let run = move || {
                begin.wait();
                for (nth, op) in ops.into_iter().enumerate() {
                    let number = client * QUESTIONS + nth;
                    log.lock().unwrap().push(Entry::Asked(number, op.clone()));
                    if asked.fetch_add(1, Ordering::SeqCst) == kill_at {
                        let kill = if client % 2 == 0 { Fault::Before } else { Fault::After };
                        *real.fault.lock().unwrap() = kill;
                    }
                    let answer = real::ask(&real.manager, &op);
                    // Its memory was right to the last; what could not be saved
                    // then ends it.
                    if answer == Answer::Refused(Refusal::Store) {
                        return (*real.last.lock().unwrap() == Some(thread::current().id()))
                            .then_some(number);
                    }
                    log.lock().unwrap().push(Entry::Answered(number, answer));
                }
                None
            };
            running.push(scope.spawn(run));
        }
        running.into_iter().filter_map(|client| client.join().unwrap()).collect()
    });
    let mut log = log.into_inner().unwrap();
    // One may have been saved without a word.
    log.extend(unheard.into_iter().map(|number| Entry::Answered(number, Answer::Unheard)));
    log
}

/// One life of the daemon, and what the next one finds.
fn life(real: &mut Real, plain: &Plain, asks: Vec<Vec<Op>>, kill_at: usize) -> Vec<Entry> {
    let mut log = live(real, asks, kill_at);
    real.restart(&plain.living);
    let found = real::ask(&real.manager, &Op::List);
    let last = CLIENTS * QUESTIONS;
    log.extend([Entry::Asked(last, Op::List), Entry::Answered(last, found)]);
    log
}

/// What was neither answered nor saved is left out: nothing came of it.
pub(super) fn calls(log: &[Entry]) -> Vec<Call> {
    let mut open = HashMap::new();
    let mut calls = Vec::new();
    for (time, entry) in log.iter().enumerate() {
        match entry {
            Entry::Asked(number, op) => drop(open.insert(*number, (time, op.clone()))),
            Entry::Answered(number, answer) => {
                let (asked, op) = open.remove(number).unwrap();
                calls.push(Call { op, asked, answered: time, answer: answer.clone() });
            }
        }
    }
    calls
}

#[test]
fn what_many_clients_were_answered_can_be_put_in_an_order() {
    let seed = seed();
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(seed), ..Config::default() });
    for round in 0..amount("MODEL_HISTORIES", 50) {
        let mut plain = Plain::new(1..=OWNERS);
        let mut real = Real::new(&plain.living);
        for _ in 0..LIVES {
            let (asks, kill_at) = script().new_tree(&mut runner).unwrap().current();
            let log = life(&mut real, &plain, asks, kill_at);
            assert!(order::exists(&plain, calls(&log)), "history {round} has no order: {plain:?} {log:#?}");
            plain = real.as_plain();
        }
    }
}

/// The test above can fail: two clients that were given one port, a lease that
/// was forgotten, and one that appears before it was asked for.
#[test]
fn what_cannot_be_put_in_an_order_is_found() {
    let mut plain = Plain::new(1..=OWNERS);
    let get = |project| Op::Get(project, vec![(0, super::Want::default())]);
    let granted = plain.ask(&get(0));
    let listed = plain.ask(&Op::List);
    let check = |log: Vec<Entry>| order::exists(&Plain::new(1..=OWNERS), calls(&log));
    let (one, two) = (0, 1);
    assert!(check(vec![
        Entry::Asked(one, get(0)),
        Entry::Asked(two, Op::List),
        Entry::Answered(two, listed.clone()),
        Entry::Answered(one, granted.clone()),
    ]));
    assert!(!check(vec![
        Entry::Asked(one, get(0)),
        Entry::Answered(one, granted.clone()),
        Entry::Asked(two, get(0)),
        Entry::Answered(two, granted.clone()),
    ]));
    assert!(!check(vec![
        Entry::Asked(one, get(0)),
        Entry::Answered(one, granted),
        Entry::Asked(two, Op::List),
        Entry::Answered(two, Answer::Listed(Vec::new())),
    ]));
    assert!(!check(vec![
        Entry::Asked(two, Op::List),
        Entry::Answered(two, listed),
        Entry::Asked(one, get(0)),
        Entry::Answered(one, Answer::Unheard),
    ]));
}

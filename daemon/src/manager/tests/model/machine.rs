//! Sequences of steps: after each, the manager, its file and the plain maps
//! agree about every lease, and so did the answer.
//!
//! `MODEL_TRANSITIONS` says how many steps in all, `MODEL_SEED` which.

use std::{collections::BTreeSet, time::SystemTime};

use proptest::{
    prelude::{BoxedStrategy, Just, Strategy},
    test_runner::{Config, RngSeed, TestRunner},
};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};

use super::{
    amount,
    faults::Fault,
    plain::{Plain, Who},
    real::{self, Real, told},
    seed,
    steps::{self, OWNERS, Step},
};
use crate::{
    clock::BootId,
    doubles::{OTHER_UID, OUR_UID},
    sockets::Transport,
};

/// How many steps a sequence has.
const STEPS: usize = 50;

struct Model;

impl ReferenceStateMachine for Model {
    type State = Plain;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Plain> {
        Just(Plain::new(1..=OWNERS)).boxed()
    }

    fn transitions(_plain: &Plain) -> BoxedStrategy<Step> {
        steps::step()
    }

    fn preconditions(plain: &Plain, step: &Step) -> bool {
        match step {
            // Nobody else can claim what is ours.
            Step::Elsewhere(port, true) => !plain.claimed.contains(port),
            Step::Serve(port, _) => !plain.sockets.contains_key(port),
            _ => true,
        }
    }

    fn apply(mut plain: Plain, step: &Step) -> Plain {
        plain.answer = None;
        match step {
            Step::Ask(op) => plain.answer = Some(plain.ask(op)),
            Step::AskAndDie(op, saved) => {
                plain.fault = if *saved { Fault::After } else { Fault::Before };
                plain.ask(op);
                plain.restart();
            }
            Step::AskInVain(op) => {
                plain.fault = Fault::Full;
                plain.answer = Some(plain.ask(op));
                plain.fault = Fault::None;
            }
            Step::Serve(port, who) => _ = plain.sockets.insert(*port, *who),
            Step::Clear(port) => _ = plain.sockets.remove(port),
            Step::Elsewhere(port, true) => _ = plain.elsewhere.insert(*port),
            Step::Elsewhere(port, false) => _ = plain.elsewhere.remove(port),
            Step::End(pid) => _ = plain.living.remove(pid),
            Step::Wait(seconds) => {
                plain.wall += seconds;
                plain.boot += seconds;
                plain.awake += seconds;
            }
            Step::Suspend(seconds) => {
                plain.wall += seconds;
                plain.boot += seconds;
            }
            Step::SetWall(days) => plain.wall = plain.wall.saturating_add_signed(days * 86_400).max(1),
            Step::Restart => plain.restart(),
            Step::Reboot => plain.reboot(),
        }
        plain
    }
}

/// The real manager beside the model.
struct Machine {
    real: Real,
    boots: u128,
}

impl StateMachineTest for Machine {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(plain: &Plain) -> Self {
        Self { real: Real::new(&plain.living), boots: 1 }
    }

    fn apply(mut machine: Self, plain: &Plain, step: Step) -> Self {
        let Self { real, boots } = &mut machine;
        let fault = |fault| *real.fault.lock().unwrap() = fault;
        let Real { doubles, .. } = &*real;
        match step {
            Step::Ask(op) => {
                assert_eq!(Some(&real::ask(&real.manager, &op)), plain.answer.as_ref(), "{op:?}")
            }
            Step::AskAndDie(op, saved) => {
                fault(if saved { Fault::After } else { Fault::Before });
                real::ask(&real.manager, &op);
                real.restart(&plain.living);
            }
            Step::AskInVain(op) => {
                fault(Fault::Full);
                assert_eq!(Some(&real::ask(&real.manager, &op)), plain.answer.as_ref(), "{op:?}");
                fault(Fault::None);
            }
            Step::Serve(port, who) => {
                let uid = if who == Who::Own { OUR_UID } else { OTHER_UID };
                doubles.serve(Transport::Tcp, port, uid, "/code");
            }
            Step::Clear(port) => doubles.sockets.clear(port),
            Step::Elsewhere(port, true) => _ = doubles.sockets.kernel().claimed_elsewhere.insert(port),
            Step::Elsewhere(port, false) => _ = doubles.sockets.kernel().claimed_elsewhere.remove(&port),
            Step::End(pid) => doubles.owners.end(pid),
            Step::Wait(seconds) => doubles.clock.advance(real::time(seconds)),
            Step::Suspend(seconds) => doubles.clock.suspend(real::time(seconds)),
            Step::SetWall(_) => doubles.clock.set(SystemTime::UNIX_EPOCH + real::time(plain.wall)),
            Step::Restart => real.restart(&plain.living),
            Step::Reboot => {
                *boots += 1;
                doubles.clock.restart_machine(BootId(*boots));
                let mut kernel = doubles.sockets.kernel();
                kernel.rows.clear();
                kernel.claimed_elsewhere.clear();
                drop(kernel);
                real.restart(&plain.living);
            }
        }
        machine
    }

    fn check_invariants(machine: &Self, plain: &Plain) {
        let Real { doubles, manager, .. } = &machine.real;
        assert_eq!(machine.real.saved(), told(&plain.saved, plain.boot));
        assert_eq!(manager.claimed(), plain.claimed.iter().copied().collect::<Vec<_>>(), "claims");
        let owners = plain.saved.leases.values().filter_map(|lease| lease.owner);
        let living: BTreeSet<u32> = owners.filter(|owner| plain.living.contains(owner)).collect();
        let watched: BTreeSet<u32> = doubles.owners.watched().into_iter().collect();
        assert_eq!(watched, living, "watched owners");
    }
}

fn config() -> Config {
    let cases = amount("MODEL_TRANSITIONS", 256 * STEPS).div_ceil(STEPS);
    let cases = u32::try_from(cases).unwrap();
    Config {
        cases,
        rng_seed: RngSeed::Fixed(seed()),
        max_local_rejects: u32::MAX,
        // What fails is repeated by its seed.
        failure_persistence: None,
        ..Config::default()
    }
}

#[test]
fn the_manager_does_what_plain_maps_do() {
    let config = config();
    let run = |(plain, steps, seen)| {
        Machine::test_sequential(Config::default(), plain, steps, seen);
        Ok(())
    };
    let ran = TestRunner::new(config).run(&Model::sequential_strategy(STEPS), run);
    ran.unwrap_or_else(|error| panic!("{error}"));
}

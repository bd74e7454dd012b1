//! What happens, in which proportions.

use portlease_proto::Port;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop, prop_oneof};

use super::{FEW, Name, Op, Want, plain::Who};

/// The processes that may own leases.
pub(super) const OWNERS: u32 = 12;

/// What happens.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Ask(Op),
    /// The daemon is killed before or after its first write, and started again.
    AskAndDie(Op, bool),
    /// The disk is full while this is asked.
    AskInVain(Op),
    Serve(Port, Who),
    Clear(Port),
    /// Another daemon claims a port, or gives it back.
    Elsewhere(Port, bool),
    End(u32),
    Wait(u64),
    /// The machine sleeps.
    Suspend(u64),
    /// Somebody sets the wall clock, by so many days.
    SetWall(i64),
    Restart,
    Reboot,
}

pub(super) fn step() -> BoxedStrategy<Step> {
    let who = prop_oneof![2 => Just(Who::Stranger), 1 => Just(Who::Own)];
    prop_oneof![
        30 => op().prop_map(Step::Ask),
        3 => (op(), any::<bool>()).prop_map(|(op, saved)| Step::AskAndDie(op, saved)),
        2 => op().prop_map(Step::AskInVain),
        4 => (port(), who).prop_map(|(port, who)| Step::Serve(port, who)),
        4 => port().prop_map(Step::Clear),
        2 => (port(), any::<bool>()).prop_map(|(port, taken)| Step::Elsewhere(port, taken)),
        2 => (1..=OWNERS).prop_map(Step::End),
        4 => (1..70_u64).prop_map(Step::Wait),
        1 => (1..40_000_u64).prop_map(Step::Suspend),
        1 => (-3650..3650_i64).prop_map(Step::SetWall),
        1 => Just(Step::Restart),
        1 => Just(Step::Reboot),
    ]
    .boxed()
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    let service = || 0..3_u8;
    let batch = prop::collection::btree_map(service(), want(), 1..4);
    let one = (service(), want()).prop_map(|(service, want)| vec![(service, want)]);
    let several = batch.prop_map(|wants| wants.into_iter().collect::<Vec<_>>());
    prop_oneof![
        10 => (project(), one).prop_map(|(project, wants)| Op::Get(project, wants)),
        6 => (project(), several).prop_map(|(project, wants)| Op::Get(project, wants)),
        4 => (name(), prop::option::weighted(0.4, ttl())).prop_map(|(name, ttl)| Op::Renew(name, ttl)),
        4 => (project(), prop::option::of(service()))
            .prop_map(|(project, service)| Op::Release(project, service)),
        2 => (name(), name()).prop_map(|(from, to)| Op::Mv(from, to)),
        2 => (project(), project()).prop_map(|(from, to)| Op::MvProject(from, to)),
        2 => Just(Op::List),
        2 => Just(Op::Expire),
    ]
}

fn want() -> impl Strategy<Value = Want> {
    let place = prop_oneof![
        5 => Just((None, Vec::new())),
        2 => port().prop_map(|port| (Some(port), Vec::new())),
        2 => prop::collection::vec(port(), 1..3).prop_map(|prefer| (None, prefer)),
    ];
    let owner = prop::option::weighted(0.2, 1..=OWNERS);
    let flag = || prop::bool::weighted(0.15);
    (place, prop::option::weighted(0.3, ttl()), owner, flag(), flag()).prop_map(
        |((port, prefer), ttl, owner, reset, strict)| Want { port, prefer, ttl, owner, reset, strict },
    )
}

/// Few, so that they are asked for again.
fn ttl() -> impl Strategy<Value = u64> {
    prop_oneof![Just(30_u64), Just(101)]
}

fn project() -> impl Strategy<Value = u8> {
    0..3_u8
}

fn name() -> impl Strategy<Value = Name> {
    (0..3_u8, 0..3_u8).prop_map(|(project, service)| Name(project, service))
}

fn port() -> impl Strategy<Value = Port> {
    // Two of them outside the pool.
    (FEW.first().get()..=FEW.last().get() + 2).prop_map(Port::constant)
}

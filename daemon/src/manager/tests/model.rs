//! What leases are said to do, written a second time and as plainly as can be:
//! maps of numbers, no index, no I/O. The real manager has to give the same
//! answers, in sequences (`machine`), from many threads at once (`history`)
//! and in every state of a small world (`space`).

mod choose;
mod faults;
mod history;
mod machine;
mod order;
mod plain;
mod real;
mod space;
mod steps;
#[cfg(feature = "shuttle")]
mod threads;

use std::fmt;

use portlease_proto::{Port, PortRange};

/// Fewer ports than names, so that they run out.
const FEW: PortRange = PortRange::constant(20100, 20106);

/// A lease by numbers: project and service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Name(u8, u8);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}/s{}", self.0, self.1)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is asked of one lease.
#[derive(Debug, Clone, Default, PartialEq)]
struct Want {
    port: Option<Port>,
    prefer: Vec<Port>,
    ttl: Option<u64>,
    owner: Option<u32>,
    reset: bool,
    strict: bool,
}

/// What a client asks.
#[derive(Debug, Clone, PartialEq)]
enum Op {
    /// One lease, or several of one project.
    Get(u8, Vec<(u8, Want)>),
    Renew(Name, Option<u64>),
    Release(u8, Option<u8>),
    Mv(Name, Name),
    MvProject(u8, u8),
    /// All leases, as they are at one moment.
    List,
    Expire,
}

/// What it is answered.
#[derive(Debug, Clone, PartialEq)]
enum Answer {
    Granted(Vec<Got>),
    /// When the lease ends now, on the wall clock.
    Renewed(Option<u64>),
    Done,
    Listed(Vec<(Name, Port)>),
    /// How many seconds until a lease ends by itself.
    Next(Option<u64>),
    Refused(Refusal),
    /// Nobody heard it, but it was saved.
    Unheard,
}

/// One lease that was granted.
#[derive(Debug, Clone, PartialEq)]
struct Got {
    service: u8,
    port: Port,
    created: bool,
    /// Whether its own app is on the port.
    bound: bool,
    moved_from: Option<Port>,
    expires: Option<u64>,
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    BadOwner,
    Claimed,
    Cooling,
    Differs,
    Exhausted,
    Exists,
    InUse,
    Leased,
    NoSuchLease,
    Stays,
    Store,
}

/// The seed of this run: `MODEL_SEED`, else a new one. It is printed, and
/// a test that fails shows what it printed.
fn seed() -> u64 {
    let given = std::env::var("MODEL_SEED").ok();
    let seed = given.map_or_else(rand, |text| text.parse().expect("MODEL_SEED is a number"));
    println!("MODEL_SEED={seed} repeats this");
    seed
}

/// How much is to be done: what the variable says, else what each change gets.
fn amount(variable: &str, each_change: usize) -> usize {
    let given = std::env::var(variable).ok();
    given.map_or(each_change, |text| text.parse().expect("a number"))
}

fn rand() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0
}

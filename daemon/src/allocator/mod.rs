//! Chooses a port. Pure: it proposes candidates in order and says what the
//! registry and the list of exclusions have against one; the kernel's word is
//! asked for elsewhere. No I/O, no clock, no log.

mod exclusions;
mod pool;

use std::{fmt, iter};

use portlease_proto::{GetRequest, Port, ProjectName, Protocol, SkipReason};

pub use exclusions::{Exclusion, Exclusions, KernelRanges, is_browser_blocked, tool};
pub use pool::{DEFAULT_POOL, InvalidPool, Pool};

use crate::{
    clock::Now,
    registry::{LeaseKey, Registry},
};

/// Where a candidate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// This one or none.
    Exact,
    /// Named by the caller, others will do.
    Preferred,
    /// From the pool, or from the range given in its place.
    Pool,
}

/// A port to consider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The port.
    pub port: Port,
    /// Who thought of it.
    pub wish: Wish,
}

/// The candidates of a request in order, none twice: the exact port alone;
/// else the preferred ones, then the pool from the lease's own place in it.
pub fn candidates<'a>(
    key: &LeaseKey,
    request: &'a GetRequest,
    pool: &'a Pool,
) -> Box<dyn Iterator<Item = Candidate> + 'a> {
    if let Some(port) = request.port {
        return Box::new(iter::once(Candidate { port, wish: Wish::Exact }));
    }
    let seed = pool::seed(&key.project, &key.service);
    let walk: Box<dyn Iterator<Item = Port> + 'a> = match request.range {
        None => Box::new(pool.walk(seed)),
        Some(range) => Box::new(Pool::from(range).walk(seed).collect::<Vec<_>>().into_iter()),
    };
    let preferred = request.prefer.iter().enumerate().filter_map(|(i, port)| {
        let again = request.prefer.iter().take(i).any(|earlier| earlier == port);
        let outside = request.range.is_some_and(|range| !range.contains(*port));
        (!again && !outside).then_some(Candidate { port: *port, wish: Wish::Preferred })
    });
    let rest =
        walk.filter(|port| !request.prefer.contains(port)).map(|port| Candidate { port, wish: Wish::Pool });
    Box::new(preferred.chain(rest))
}

/// What the tables have against a candidate, before the kernel is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// It is on the list of excluded ports.
    Excluded(Exclusion),
    /// Another lease has it.
    Leased(LeaseKey),
    /// Released by another project less than a minute ago.
    Cooling(ProjectName),
}

impl Obstacle {
    /// The word for programs.
    #[must_use]
    pub fn reason(&self) -> SkipReason {
        match self {
            Self::Excluded(_) => SkipReason::Excluded,
            Self::Leased(_) => SkipReason::Leased,
            Self::Cooling(_) => SkipReason::Cooling,
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Excluded(why) => why.fmt(f),
            Self::Leased(key) => write!(f, "{key} has it"),
            Self::Cooling(project) => write!(f, "{project} released it less than a minute ago"),
        }
    }
}

/// Looks `port` up in the tables for the lease `key`.
#[must_use]
pub fn obstacle(
    port: Port,
    key: &LeaseKey,
    request: &GetRequest,
    exclusions: &Exclusions,
    registry: &Registry,
    now: Now,
) -> Option<Obstacle> {
    let protocol = request.protocol.unwrap_or(Protocol::Both);
    if !request.force
        && let Some(why) = exclusions.why(port, protocol)
    {
        return Some(Obstacle::Excluded(why));
    }
    if let Some(record) = registry.at(port).filter(|record| record.key != *key) {
        return Some(Obstacle::Leased(record.key.clone()));
    }
    registry
        .cooling(port, now)
        .filter(|project| **project != key.project)
        .map(|project| Obstacle::Cooling(project.clone()))
}

#[cfg(test)]
mod tests;

//! Why a candidate is passed over: cheap to note for thousands of candidates,
//! and put into words only for those that somebody asked about.

use portlease_proto::{Holder, Port, SkipReason};

use super::{
    Edges, Error, Inner,
    identify::{Findings, Interrupt},
    view,
};
use crate::allocator::Obstacle;

/// Why a candidate is not taken.
pub(super) enum Skip {
    /// The tables have something against it.
    Tables(Obstacle),
    /// Another daemon has it.
    Claimed,
    /// This user may not bind it.
    Privileged,
    /// A socket is on it; of a process that is known, or not.
    InUse(Holder),
    /// Closed connections block it.
    Leftovers,
    /// The lease is leaving it, and why.
    Left(String),
}

impl Skip {
    /// The word for programs.
    pub(super) fn reason(&self) -> SkipReason {
        match self {
            Self::Tables(obstacle) => obstacle.reason(),
            Self::Claimed => SkipReason::Claimed,
            Self::Privileged => SkipReason::Privileged,
            Self::InUse(_) | Self::Leftovers | Self::Left(_) => SkipReason::InUse,
        }
    }

    /// The words for people.
    pub(super) fn detail(&self) -> String {
        match self {
            Self::Tables(obstacle) => obstacle.to_string(),
            Self::Claimed => "another portlease daemon on this machine has it".to_owned(),
            Self::Privileged => "only root may bind it".to_owned(),
            Self::InUse(holder) if holder.user.is_some() => format!("taken by {holder}"),
            Self::InUse(_) => "a socket is on it".to_owned(),
            Self::Leftovers => "closed connections block it".to_owned(),
            Self::Left(because) => because.clone(),
        }
    }

    /// The error, when `port` was the only one that would do.
    pub(super) fn into_error(
        self,
        port: Port,
        inner: &mut Inner,
        edges: &Edges,
        findings: &Findings,
    ) -> Result<Error, Interrupt> {
        use crate::allocator::Obstacle::{Cooling, Excluded, Leased};
        Ok(match self {
            Self::Tables(Excluded(why)) => Error::Excluded { port, why },
            Self::Tables(Cooling(project)) => Error::Cooling { port, project },
            Self::Tables(Leased(key)) => match inner.registry.find(&key).cloned() {
                Some(record) => {
                    let occupancy = inner.occupancy(edges, &record, findings)?;
                    let sight = inner.sight(&record, occupancy);
                    let lease = view::lease(&record, sight, edges.clock.now());
                    Error::Leased { port, lease: Box::new(lease) }
                }
                None => Error::Claimed { port },
            },
            Self::Claimed => Error::Claimed { port },
            Self::Privileged => Error::Privileged { port },
            Self::InUse(holder) => Error::InUse { port, holder: Box::new(holder) },
            Self::Leftovers => Error::Leftovers { port },
            Self::Left(_) => Error::InUse { port, holder: Box::default() },
        })
    }
}

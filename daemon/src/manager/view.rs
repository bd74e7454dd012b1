//! A lease as it is kept, turned into a lease as it is shown.

use std::path::Path;

use portlease_proto::{Event, EventKind, Holder, Lease, LeaseOwner, LeaseState, Port, Protocol};

use super::{Inner, identify::Occupancy};
use crate::{
    clock::{Now, rfc3339},
    registry::Record,
};

/// What is known of a lease beside what is kept.
pub(super) struct Sight {
    /// What is on its port now.
    occupancy: Occupancy,
    /// False when another daemon has the port.
    claimed: bool,
    /// Where its app listens instead.
    real_port: Option<Port>,
}

impl Inner {
    /// What is known of a lease that has this on its port.
    pub(super) fn sight(&self, record: &Record, occupancy: Occupancy) -> Sight {
        let real_port = self.real_port(record).filter(|_| !matches!(occupancy, Occupancy::Own(_)));
        Sight { occupancy, claimed: self.kept.is_claimed(record.port), real_port }
    }
}

/// The lease as it is shown. Looks at its root.
pub(super) fn lease(record: &Record, sight: Sight, now: Now) -> Lease {
    let Sight { occupancy, claimed, real_port } = sight;
    // A root may be made anew while its app runs.
    let gone = record.run.is_none() && record.root.as_deref().is_some_and(|root| !Path::new(root).is_dir());
    let (state, holder) = match occupancy {
        Occupancy::Own(holder) => (LeaseState::Bound, Some(holder)),
        Occupancy::Stranger(holder) if gone => (LeaseState::Stale, Some(holder)),
        Occupancy::Stranger(holder) => (LeaseState::Taken, Some(holder)),
        Occupancy::Idle if gone => (LeaseState::Stale, None),
        Occupancy::Idle if !claimed => (LeaseState::Taken, None),
        Occupancy::Idle => (LeaseState::Reserved, None),
    };
    Lease { real_port, ..in_state(record, state, holder, now) }
}

/// The lease, when it does not matter what is on its port.
pub(super) fn unseen(record: &Record, now: Now) -> Lease {
    lease(record, Sight { occupancy: Occupancy::Idle, claimed: true, real_port: None }, now)
}

fn in_state(record: &Record, state: LeaseState, holder: Option<Holder>, now: Now) -> Lease {
    Lease {
        id: record.id.clone(),
        project: record.key.project.clone(),
        service: record.key.service.clone(),
        port: record.port,
        protocol: record.protocol,
        url: url(record),
        state,
        holder,
        labels: record.labels.clone(),
        hold: record.hold,
        created_at: rfc3339(record.created_at),
        renewed_at: rfc3339(record.renewed_at),
        expires_at: record.life.term.map(|term| rfc3339(term.ends_at(now))),
        run_pid: record.run.map(|run| run.pid),
        real_port: None,
        owner_pid: record.life.owner.map(|owner| owner.pid),
        owner: owner(record),
        root: record.root.clone(),
        changed: None,
        identified: None,
        explain: None,
    }
}

fn owner(record: &Record) -> Option<LeaseOwner> {
    let owner = LeaseOwner {
        pid: record.life.owner.map(|owner| owner.pid),
        command: record.owner_command.as_deref().map(str::to_owned),
    };
    (owner.pid.is_some() || owner.command.is_some()).then_some(owner)
}

fn url(record: &Record) -> String {
    let scheme = if record.protocol == Protocol::Udp { "udp" } else { "http" };
    format!("{scheme}://localhost:{}", record.port)
}

/// Something that happened to a lease now.
pub(super) fn event(kind: EventKind, record: &Record, now: Now) -> Event {
    Event {
        event: kind,
        at: rfc3339(now.wall),
        id: record.id.clone(),
        project: record.key.project.clone(),
        service: record.key.service.clone(),
        port: record.port,
        protocol: record.protocol,
        url: url(record),
        holder: None,
        changed: None,
        owner: owner(record),
    }
}

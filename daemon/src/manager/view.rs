//! A lease as it is kept, turned into a lease as it is shown.

use std::path::Path;

use portlease_proto::{Event, EventKind, Holder, Lease, LeaseState, Protocol};

use super::identify::Occupancy;
use crate::{
    clock::{Now, rfc3339},
    registry::Record,
};

/// The lease with what is on its port now. `claimed` is false when another
/// daemon has the port.
pub(super) fn lease(record: &Record, occupancy: Occupancy, claimed: bool, now: Now) -> Lease {
    let gone = record.root.as_deref().is_some_and(|root| !Path::new(root).is_dir());
    let (state, holder) = match occupancy {
        Occupancy::Own(holder) => (LeaseState::Bound, Some(holder)),
        Occupancy::Stranger(holder) if gone => (LeaseState::Stale, Some(holder)),
        Occupancy::Stranger(holder) => (LeaseState::Taken, Some(holder)),
        Occupancy::Idle if gone => (LeaseState::Stale, None),
        Occupancy::Idle if !claimed => (LeaseState::Taken, None),
        Occupancy::Idle => (LeaseState::Reserved, None),
    };
    in_state(record, state, holder, now)
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
        owner_pid: record.life.owner.map(|owner| owner.pid),
        root: record.root.clone(),
        changed: None,
        identified: None,
        explain: None,
    }
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
    }
}

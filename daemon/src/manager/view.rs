//! A lease as it is kept, turned into a lease as it is shown.

use std::path::Path;

use portlease_proto::{Holder, Lease, LeaseState, Protocol};

use super::identify::Occupancy;
use crate::{clock::rfc3339, registry::Record};

/// The lease with what is on its port now. `claimed` is false when another
/// daemon has the port.
pub(super) fn lease(record: &Record, occupancy: Occupancy, claimed: bool) -> Lease {
    let gone = record.root.as_deref().is_some_and(|root| !Path::new(root).is_dir());
    let (state, holder) = match occupancy {
        Occupancy::Own(holder) => (LeaseState::Bound, Some(holder)),
        Occupancy::Stranger(holder) if gone => (LeaseState::Stale, Some(holder)),
        Occupancy::Stranger(holder) => (LeaseState::Taken, Some(holder)),
        Occupancy::Idle if gone => (LeaseState::Stale, None),
        Occupancy::Idle if !claimed => (LeaseState::Taken, None),
        Occupancy::Idle => (LeaseState::Reserved, None),
    };
    in_state(record, state, holder)
}

fn in_state(record: &Record, state: LeaseState, holder: Option<Holder>) -> Lease {
    let scheme = if record.protocol == Protocol::Udp { "udp" } else { "http" };
    Lease {
        id: record.id.clone(),
        project: record.key.project.clone(),
        service: record.key.service.clone(),
        port: record.port,
        protocol: record.protocol,
        url: format!("{scheme}://localhost:{}", record.port),
        state,
        holder,
        labels: record.labels.clone(),
        hold: false,
        created_at: rfc3339(record.created_at),
        renewed_at: rfc3339(record.renewed_at),
        expires_at: None,
        owner_pid: None,
        root: record.root.clone(),
        changed: None,
        explain: None,
    }
}

//! Noticing who comes to the ports of leases and who goes: one listing of the
//! kernel's sockets per look, and a closer look only where it changed.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, SystemTime},
};

use portlease_proto::{Event, EventKind, Holder, Port};

use super::{
    Error, Inner, Manager,
    identify::{Occupancy, Occupant},
    view,
};
use crate::{
    clock::Now,
    registry::{Record, Registry},
    sockets::{SocketRow, SocketState, Transport},
};

/// How long sockets that are bound and do not listen may go unnoticed: few
/// programs leave one so, and looking for them costs ten times the rest.
const BOUND_FRESH: Duration = Duration::from_secs(5);

/// What was on the ports at the last look, by the lease's id.
#[derive(Default)]
pub(super) struct Watched {
    leases: HashMap<String, Seen>,
    /// The first look finds what was there before: nothing has happened.
    looked: bool,
    /// When sockets were looked for that are bound and do not listen, and which
    /// there were on the ports of leases.
    bound: Option<(Duration, Vec<SocketRow>)>,
}

/// What was on one lease's port.
struct Seen {
    port: Port,
    sockets: Vec<(Transport, u64)>,
    occupancy: Occupancy,
    exposed: bool,
    /// The lease's own app that was there last, and when it was found gone.
    left: Option<(Holder, SystemTime)>,
}

impl Seen {
    fn nothing_on(port: Port) -> Self {
        Self { port, sockets: Vec::new(), occupancy: Occupancy::Idle, exposed: false, left: None }
    }
}

/// What is other than it was at the last look.
pub struct Changed {
    /// The sockets on the ports of leases.
    rows: Vec<SocketRow>,
    /// The leases that have other sockets on their ports.
    ids: Vec<String>,
    /// The listeners on other ports, if they changed and matter.
    strays: Option<Vec<SocketRow>>,
}

impl Changed {
    /// Whether there is nothing to look at more closely.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.strays.is_none()
    }
}

impl Manager {
    /// The ports of leases where a socket came or went since the last
    /// [`Manager::look_closer`]. Lists the kernel's sockets: some tens of
    /// microseconds, more on a busy machine.
    ///
    /// # Errors
    /// [`Error::Sockets`].
    pub fn glance(&self) -> Result<Changed, Error> {
        if self.has_nothing_to_watch() {
            return Ok(Changed { rows: Vec::new(), ids: Vec::new(), strays: None });
        }
        let now = self.edges.clock.now().boot;
        let bound = {
            let inner = &mut *self.lock();
            let bound = inner.watched.bound(now);
            if bound.is_none() {
                inner.hold_waiting(&self.edges);
            }
            bound
        };
        let Some(bound) = bound else { return self.glance_at_all(now) };
        let mut rows = self.edges.sockets.listening()?;
        // One that listens by now is bound no longer.
        let still = |row: &SocketRow| !rows.iter().any(|other| other.inode == row.inode);
        let still: Vec<SocketRow> = bound.into_iter().filter(still).collect();
        rows.extend(still);
        // What is told must be so now: something may be bound no longer.
        let changed = self.changed(rows);
        if changed.is_empty() { Ok(changed) } else { self.glance_at_all(now) }
    }

    fn glance_at_all(&self, now: Duration) -> Result<Changed, Error> {
        let changed = self.changed(self.edges.sockets.serving()?);
        let bound = changed.rows.iter().copied().filter(|row| row.state == SocketState::BoundOnly).collect();
        self.lock().watched.bound = Some((now, bound));
        Ok(changed)
    }

    fn changed(&self, mut rows: Vec<SocketRow>) -> Changed {
        let inner = &mut *self.lock();
        let strays = inner.strays.changed(&inner.registry, &rows, self.edges.processes.our_uid());
        rows.retain(|row| {
            inner.registry.at(row.port).is_some_and(|record| row.occupies(record.protocol))
                && !inner.kept.is_hold(row.port, row.inode)
        });
        rows.sort_unstable_by_key(|row| (row.port, row.transport == Transport::Udp, row.inode));
        rows.dedup();
        inner.watched.forget_ended(&inner.registry);
        let ids = match inner.watched.looked {
            true => inner.watched.changed(&inner.registry, &rows),
            // All of them, to begin with.
            false => inner.registry.all().map(|record| record.id.clone()).collect(),
        };
        Changed { rows, ids, strays }
    }

    fn has_nothing_to_watch(&self) -> bool {
        let mut inner = self.lock();
        let nothing = inner.registry.is_empty();
        // Whatever comes to the first lease has not been there before it.
        inner.watched.looked |= nothing;
        nothing
    }

    /// Finds out who came and who went, and tells it as events. May walk all
    /// processes.
    ///
    /// # Errors
    /// [`Error::Sockets`].
    pub fn look_closer(&self, changed: Changed) -> Result<(), Error> {
        let Changed { rows, ids, strays } = changed;
        if let Some(strays) = strays {
            self.judge_strays(strays);
        }
        let mut on_ports: HashMap<Port, Vec<Occupant>> = HashMap::new();
        for occupant in self.identify(rows) {
            on_ports.entry(occupant.port()).or_default().push(occupant);
        }
        let now = self.edges.clock.now();
        let mut inner = self.lock();
        // The first look is at all leases, and nobody is answered meanwhile.
        let ids: HashSet<&str> = ids.iter().map(String::as_str).collect();
        // Leases that ended meanwhile are passed over.
        let records: Vec<Record> =
            inner.registry.all().filter(|record| ids.contains(&*record.id)).cloned().collect();
        let mut events = Vec::new();
        for record in &records {
            let occupants = on_ports.get(&record.port).map_or(&[][..], Vec::as_slice);
            let occupancy = match occupants {
                [] => Occupancy::Idle,
                occupants => inner.judge(&self.edges, record, occupants),
            };
            match &occupancy {
                Occupancy::Idle => inner.hold_again(&self.edges, record.wants_hold(), record.port),
                // It has let itself in, and keeps others away from now on.
                Occupancy::Own(_) => inner.kept.unhold(record.port),
                Occupancy::Stranger(_) => {}
            }
            events.extend(inner.see(record, occupancy, occupants, now));
        }
        let strayed = inner.see_strays(now);
        events.extend(if inner.watched.looked { strayed } else { Vec::new() });
        inner.watched.looked = true;
        self.edges.events.publish(events);
        Ok(())
    }
}

impl Inner {
    /// Notes what is on a lease's port now, and says what has happened.
    fn see(&mut self, record: &Record, occupancy: Occupancy, occupants: &[Occupant], now: Now) -> Vec<Event> {
        let exposed = occupants.iter().any(Occupant::is_exposed);
        let sockets = occupants.iter().map(Occupant::socket).collect();
        let silent = !self.watched.looked;
        let before = self.watched.leases.remove(&record.id);
        // On another port nobody was yet.
        let before = before.filter(|before| before.port == record.port);
        let before = before.unwrap_or_else(|| Seen::nothing_on(record.port));
        let left = match (&before.occupancy, &occupancy) {
            (Occupancy::Own(app), Occupancy::Idle | Occupancy::Stranger(_)) => Some((app.clone(), now.wall)),
            _ => before.left.clone(),
        };
        let seen = Seen { port: record.port, sockets, occupancy, exposed, left };
        let event = |(kind, holder): (_, Option<&Holder>)| {
            let mut event = view::event(kind, record, now);
            event.holder = holder.cloned();
            event
        };
        let events =
            if silent { Vec::new() } else { happened(&before, &seen).into_iter().map(event).collect() };
        // Nothing to be known of a lease is nothing to be kept.
        if !seen.sockets.is_empty() || seen.left.is_some() {
            self.watched.leases.insert(record.id.clone(), seen);
        }
        events
    }
}

/// What lies between two looks.
fn happened<'a>(before: &'a Seen, after: &'a Seen) -> Vec<(EventKind, Option<&'a Holder>)> {
    use Occupancy::{Idle, Own, Stranger};
    let mut happened = match (&before.occupancy, &after.occupancy) {
        (Idle, Idle) => Vec::new(),
        (Own(holder) | Stranger(holder), Idle) => vec![(EventKind::Unbound, Some(holder))],
        (Own(was), Own(is)) | (Stranger(was), Stranger(is)) if was.pid == is.pid => Vec::new(),
        (Own(was), Own(is)) => vec![(EventKind::Unbound, Some(was)), (EventKind::Bound, Some(is))],
        (_, Own(holder)) => vec![(EventKind::Bound, Some(holder))],
        (_, Stranger(holder)) => vec![(EventKind::Taken, Some(holder))],
    };
    if after.exposed && !before.exposed {
        let holder = match &after.occupancy {
            Own(holder) | Stranger(holder) => Some(holder),
            Idle => None,
        };
        happened.push((EventKind::Exposed, holder));
    }
    happened
}

impl Watched {
    /// The sockets that are bound and do not listen; none when it is time to
    /// look for them again.
    fn bound(&self, now: Duration) -> Option<Vec<SocketRow>> {
        let (read, bound) = self.bound.as_ref().filter(|_| self.looked)?;
        (now.saturating_sub(*read) < BOUND_FRESH).then(|| bound.clone())
    }

    /// The app of a lease that was on its port last, and when it was found
    /// gone: none while it is there by the last look.
    pub(super) fn last_app(&self, record: &Record) -> Option<(Holder, Option<SystemTime>)> {
        let seen = self.leases.get(&record.id).filter(|seen| seen.port == record.port)?;
        match (&seen.occupancy, &seen.left) {
            (Occupancy::Own(app), _) => Some((app.clone(), None)),
            (_, Some((app, when))) => Some((app.clone(), Some(*when))),
            _ => None,
        }
    }

    /// Whether the lease's own app was on its port at the last look.
    pub(super) fn is_bound(&self, record: &Record) -> bool {
        let seen = self.leases.get(&record.id).filter(|seen| seen.port == record.port);
        seen.is_some_and(|seen| matches!(seen.occupancy, Occupancy::Own(_)))
    }

    /// Forgets leases that ended, or moved to another port.
    fn forget_ended(&mut self, registry: &Registry) {
        self.leases.retain(|id, seen| registry.at(seen.port).is_some_and(|record| record.id == *id));
    }

    /// The leases that have other sockets on their ports than at the last look.
    /// Goes by sockets, and not by leases: nobody is on most of those.
    /// `rows` are sorted by port.
    fn changed(&self, registry: &Registry, rows: &[SocketRow]) -> Vec<String> {
        let rows_of = rows.chunk_by(|a, b| a.port == b.port).filter_map(|rows| rows.first());
        let here = rows_of.filter_map(|row| registry.at(row.port));
        let changed = here.filter(|record| self.has_changed(record, rows));
        let empty = |port| rows.binary_search_by_key(&port, |row| row.port).is_err();
        let left = self.leases.iter().filter(|(_, seen)| !seen.sockets.is_empty() && empty(seen.port));
        changed.map(|record| record.id.clone()).chain(left.map(|(id, _)| id.clone())).collect()
    }

    /// Whether there are other sockets on the port than at the last look.
    /// `rows` are sorted by port.
    fn has_changed(&self, record: &Record, rows: &[SocketRow]) -> bool {
        let from = rows.partition_point(|row| row.port < record.port);
        let to = rows.partition_point(|row| row.port <= record.port);
        let now = rows[from..to].iter().map(|row| (row.transport, row.inode));
        match self.leases.get(&record.id).filter(|seen| seen.port == record.port) {
            Some(seen) => !now.eq(seen.sockets.iter().copied()),
            None => from != to,
        }
    }
}

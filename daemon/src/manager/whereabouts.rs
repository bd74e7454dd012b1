//! Where the app of a lease is when it is not on its port: when it left, and
//! on which other port it listens.

use std::net::IpAddr;

use portlease_proto::{Holder, Port, SocketState};

use super::{Error, Inner, Manager, identify::Occupant};
use crate::{
    clock::rfc3339,
    registry::Record,
    sockets::{SocketRow, Transport},
};

/// What is known of the app of a lease; nothing when there is no lease.
#[derive(Debug, Clone, Default)]
pub struct Whereabouts {
    /// The app that was on the port before.
    pub last: Option<LastApp>,
    /// Where it listens instead, by port.
    pub elsewhere: Vec<Elsewhere>,
}

/// An app that was on its port.
#[derive(Debug, Clone)]
pub struct LastApp {
    /// The process.
    pub holder: Holder,
    /// When it was found gone, RFC 3339 UTC.
    pub until: String,
}

/// A listener of a lease's app on a port that is not the lease's.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    /// That port.
    pub port: Port,
    /// Where it listens.
    pub address: IpAddr,
    /// The process.
    pub holder: Holder,
}

impl Manager {
    /// Looks for the app of the lease that has `port`. Reads the table of the
    /// machine's listeners and may walk all processes.
    ///
    /// # Errors
    /// [`Error::Sockets`].
    pub fn whereabouts(&self, port: Port) -> Result<Whereabouts, Error> {
        let now = self.edges.clock.now();
        let found = {
            let inner = self.lock();
            inner.registry.at(port).cloned().map(|record| (inner.watched.last_app(&record), record))
        };
        let Some((last, record)) = found else { return Ok(Whereabouts::default()) };
        let table = self.listeners.read(self.edges.sockets.as_ref(), self.edges.clock.as_ref())?;
        let listeners = table.iter().filter(|detail| detail.state == SocketState::Listening);
        let rows: Vec<SocketRow> =
            listeners.map(|detail| detail.row).filter(|row| row.transport == Transport::Tcp).collect();
        let occupants = self.identify(rows);
        // It may have come to its port in the meantime, or gone to another one.
        let there =
            occupants.iter().any(|occupant| occupant.port() == record.port && self.is_app(&record, occupant));
        let tree = Tree {
            owner: record.life.owner.map(|owner| owner.pid),
            last: last.as_ref().and_then(|(app, _)| app.pid),
        };
        let mut elsewhere: Vec<Elsewhere> = match there {
            true => Vec::new(),
            false => occupants
                .iter()
                .filter(|occupant| self.belongs(&record, &tree, occupant))
                .map(listener)
                .collect(),
        };
        elsewhere.sort_by_key(|there| (there.port, there.address));
        elsewhere.dedup_by_key(|there| there.port);
        let last = last
            .filter(|_| !there)
            .map(|(holder, until)| LastApp { holder, until: rfc3339(until.unwrap_or(now.wall)) });
        Ok(Whereabouts { last, elsewhere })
    }

    fn is_app(&self, record: &Record, occupant: &Occupant) -> bool {
        self.lock().is_own(&self.edges, record, occupant)
    }

    /// Whether a listener on another port is the lease's app. Its root tells;
    /// without one, half the user's programs would do, so it must stem from a
    /// process of the lease.
    fn belongs(&self, record: &Record, tree: &Tree, occupant: &Occupant) -> bool {
        let Some(pid) = occupant.process.as_ref().and_then(|process| process.holder.pid) else {
            return false;
        };
        {
            let inner = self.lock();
            if inner.is_at_home(record, occupant.port()) || !inner.is_own(&self.edges, record, occupant) {
                return false;
            }
            if inner.root_of(record).is_some() {
                return true;
            }
        }
        tree.has(pid) || self.edges.processes.ancestors(pid).into_iter().any(|pid| tree.has(pid))
    }
}

impl Inner {
    /// Whether a port is that of a lease of the same project: another service
    /// of it lives there.
    fn is_at_home(&self, record: &Record, port: Port) -> bool {
        self.registry.at(port).is_some_and(|other| other.key.project == record.key.project)
    }
}

/// The processes that others of a lease may stem from.
struct Tree {
    owner: Option<u32>,
    last: Option<u32>,
}

impl Tree {
    fn has(&self, pid: u32) -> bool {
        [self.owner, self.last].contains(&Some(pid))
    }
}

fn listener(occupant: &Occupant) -> Elsewhere {
    let holder = occupant.process.as_ref().map(|process| process.holder.clone()).unwrap_or_default();
    Elsewhere { port: occupant.port(), address: occupant.row.address, holder }
}

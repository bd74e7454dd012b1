//! Where what `portlease run` started really listens: an app that does not
//! heed the port it was given is found on another one, which is nobody's.

use std::collections::{BTreeSet, HashMap, HashSet};

use portlease_proto::{Event, EventKind, Port, Protocol};

use super::{Edges, Inner, Manager, identify::Occupant, view};
use crate::{
    clock::Now,
    frameworks::is_side_port,
    registry::{Owner, Record, Registry},
    sockets::{SocketRow, SocketState, Transport},
};

/// What tells a listener from all others.
type Listener = (Port, u64, Option<u32>);

/// Listeners on ports that are nobody's, while there are runs.
#[derive(Default)]
pub(super) struct Strays {
    /// Each is judged once: whose run it is of, if of any.
    judged: HashMap<Listener, Option<Owner>>,
    /// The runs that they were judged by.
    runs: HashSet<Owner>,
    /// Where the app of a lease listens instead, and of which run that is, by
    /// the lease's id.
    real: HashMap<String, (Owner, Port)>,
}

impl Strays {
    /// The listeners of this user on ports that are nobody's, if they or the
    /// runs are others than at the last look.
    pub(super) fn changed(
        &self,
        registry: &Registry,
        rows: &[SocketRow],
        uid: u32,
    ) -> Option<Vec<SocketRow>> {
        if registry.runs().next().is_none() {
            return (!self.runs.is_empty()).then(Vec::new);
        }
        let is_stray = |row: &&SocketRow| {
            row.transport == Transport::Tcp
                && row.state == SocketState::Listening
                && row.uid.is_none_or(|of| of == uid)
                && registry.at(row.port).is_none()
        };
        let mut strays: Vec<SocketRow> = rows.iter().filter(is_stray).copied().collect();
        strays.sort_unstable_by_key(listener);
        strays.dedup_by_key(|row| listener(row));
        let same = self.runs == registry.runs().collect()
            && self.judged.len() == strays.len()
            && strays.iter().all(|row| self.judged.contains_key(&listener(row)));
        (!same).then_some(strays)
    }
}

impl Manager {
    /// Finds out whose run the listeners are of that were not judged yet. May
    /// walk all processes.
    pub(super) fn judge_strays(&self, strays: Vec<SocketRow>) {
        let (runs, unknown) = {
            let inner = &mut *self.lock();
            let runs: HashSet<Owner> = inner.registry.runs().collect();
            let known: HashSet<Listener> = strays.iter().map(listener).collect();
            inner.strays.judged.retain(|listener, _| runs == inner.strays.runs && known.contains(listener));
            let is_unknown = |row: &SocketRow| !inner.strays.judged.contains_key(&listener(row));
            (runs, strays.into_iter().filter(is_unknown).collect())
        };
        let judge = |occupant: Occupant| {
            let run = occupant.pid().and_then(|pid| run_of(&self.edges, pid, &runs));
            (listener(&occupant.row), run)
        };
        let judged: Vec<_> = self.identify(unknown).into_iter().map(judge).collect();
        let strays = &mut self.lock().strays;
        strays.judged.extend(judged);
        strays.runs = runs;
    }
}

impl Inner {
    /// Notes where apps really listen, and says where that has changed.
    pub(super) fn see_strays(&mut self, now: Now) -> Vec<Event> {
        let runs: Vec<Owner> = self.registry.runs().collect();
        let real_of = |run| self.real_of(run).map(|(id, port)| (id, (run, port)));
        let real: HashMap<_, _> = runs.into_iter().filter_map(real_of).collect();
        let before = std::mem::replace(&mut self.strays.real, real);
        let differs = |record: &&Record| before.get(&record.id) != self.strays.real.get(&record.id);
        let of_runs = self.registry.runs().flat_map(|run| self.registry.of_run(run));
        let mut changed: Vec<&Record> =
            of_runs.filter_map(|key| self.registry.find(key)).filter(differs).collect();
        changed.sort_unstable_by_key(|record| &record.key);
        changed.into_iter().map(|record| view::event(EventKind::Changed, record, now)).collect()
    }

    /// The one lease of a run that its app is not on, and the one other port
    /// that the app is on instead.
    fn real_of(&self, run: Owner) -> Option<(String, Port)> {
        let leases = self.registry.of_run(run).filter_map(|key| self.registry.find(key));
        let mut waiting =
            leases.filter(|record| record.protocol != Protocol::Udp && !self.watched.is_bound(record));
        let (record, None) = (waiting.next()?, waiting.next()) else { return None };
        let of_run = self.strays.judged.iter().filter(|(_, of)| **of == Some(run));
        let is_meant = |port: &Port| self.registry.at(*port).is_none() && !is_side_port(*port);
        let ports: BTreeSet<Port> = of_run.map(|((port, ..), _)| *port).filter(is_meant).collect();
        let mut ports = ports.into_iter();
        let (port, None) = (ports.next()?, ports.next()) else { return None };
        Some((record.id.clone(), port))
    }

    /// Where the app of a lease listens by the last look, if not on its port.
    pub(super) fn real_port(&self, record: &Record) -> Option<Port> {
        let (run, port) = self.strays.real.get(&record.id)?;
        // What the run before left there says nothing of this one.
        (record.run == Some(*run)).then_some(*port)
    }
}

fn listener(row: &SocketRow) -> Listener {
    (row.port, row.inode, row.pid)
}

/// The nearest of the runs that a process belongs to.
fn run_of(edges: &Edges, pid: u32, runs: &HashSet<Owner>) -> Option<Owner> {
    let by_pid = |pid: u32| runs.iter().find(|run| run.pid == pid).copied();
    let above =
        |pid: u32| by_pid(pid).or_else(|| edges.processes.ancestors(pid).into_iter().find_map(by_pid));
    above(pid).or_else(|| edges.processes.leaders(pid).into_iter().find_map(above))
}

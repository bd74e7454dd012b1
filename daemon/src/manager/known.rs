//! The processes behind sockets. What was found once is remembered by the
//! socket's number and checked by one `readlink` and the process's outline; only
//! a miss walks all processes.

use std::{collections::HashMap, time::Duration};

use super::{Edges, Inner, Manager, identify::Occupant};
use crate::{
    processes::{OpenSocket, Process, Program},
    sockets::SocketRow,
};

/// Keeps the memory from growing with every server that was ever seen.
const REMEMBERED: usize = 512;

/// For how long a process is what it was described as: it may rewrite its command
/// line in place, and go to another directory.
pub(super) const FRESH: Duration = Duration::from_secs(1);

/// A process that was found to have a socket open.
pub(super) struct Known {
    open: OpenSocket,
    /// What it ran before it was described.
    program: Option<Program>,
    process: Process,
    /// When it was described.
    at: Duration,
}

impl Known {
    /// What it is known by, and as.
    pub(super) fn parts(&self) -> (OpenSocket, Option<Program>, &Process) {
        (self.open, self.program, &self.process)
    }

    /// Whether it has the socket open, and runs the program that it did. One
    /// that became another program with its sockets open has another command.
    fn is_so(&self, edges: &Edges, programs: &mut Programs) -> bool {
        let mut now = || *programs.entry(self.open.pid).or_insert_with(|| program(edges, self.open.pid));
        edges.processes.still_open(self.open) && now() == self.program
    }
}

/// What processes run, each looked at once: one may have thousands of sockets.
pub(super) type Programs = HashMap<u32, Option<Program>>;

fn program(edges: &Edges, pid: u32) -> Option<Program> {
    edges.processes.outline(pid).map(|outline| outline.program)
}

impl Manager {
    /// What [`Manager::identify`] does, with an occupant for every row.
    pub(super) fn recognise(&self, rows: Vec<SocketRow>) -> Vec<Occupant> {
        let occupants = self.lock().recall_all(&self.edges, rows.into_iter());
        let unknown =
            occupants.iter().filter(|occupant| occupant.process.is_none() && occupant.row.inode != 0);
        let unknown: Vec<u64> = unknown.map(|occupant| occupant.row.inode).collect();
        if unknown.is_empty() {
            return occupants;
        }
        let found = self.known(self.edges.processes.find(&unknown));
        let mut inner = self.lock();
        inner.remember(&self.edges, found);
        inner.recall_all(&self.edges, occupants.into_iter().map(|occupant| occupant.row))
    }

    /// What [`Manager::recognise`] does, with no process described long ago.
    pub(super) fn recognise_anew(&self, rows: Vec<SocketRow>) -> Vec<Occupant> {
        let now = self.edges.clock.now().boot;
        let stale: Vec<OpenSocket> = {
            let inner = self.lock();
            rows.iter().filter_map(|row| inner.stale(row, now)).collect()
        };
        let anew = self.known(stale);
        self.lock().remember(&self.edges, anew);
        self.recognise(rows)
    }

    fn known(&self, open: Vec<OpenSocket>) -> Vec<Known> {
        let at = self.edges.clock.now().boot;
        // One process may have thousands of them.
        let mut described: HashMap<u32, (Option<Program>, Option<Process>)> = HashMap::new();
        let mut describe = |pid| {
            // What it runs comes first: if that changes meanwhile, it shows.
            let describe = || (program(&self.edges, pid), self.edges.processes.describe(pid));
            described.entry(pid).or_insert_with(describe).clone()
        };
        let known = |open: OpenSocket| {
            let (program, process) = describe(open.pid);
            Some(Known { open, program, process: process?, at })
        };
        open.into_iter().filter_map(known).collect()
    }
}

impl Inner {
    fn remember(&mut self, edges: &Edges, found: Vec<Known>) {
        // Before it grows again, what is gone is forgotten. It then takes twice
        // as many to come here, so a machine full of servers pays for it rarely.
        if self.known.len() + found.len() > self.known.capacity().max(REMEMBERED) {
            self.known.retain(|_, known| edges.processes.still_open(known.open));
        }
        self.known.extend(found.into_iter().map(|known| (known.open.inode, known)));
    }

    fn recall_all(&mut self, edges: &Edges, rows: impl Iterator<Item = SocketRow>) -> Vec<Occupant> {
        let mut programs = Programs::new();
        rows.map(|row| Occupant { row, process: self.recall(edges, &row, &mut programs) }).collect()
    }

    /// The process behind a socket, if it is remembered and still so.
    pub(super) fn recall(
        &mut self,
        edges: &Edges,
        row: &SocketRow,
        programs: &mut Programs,
    ) -> Option<Process> {
        if let Some(pid) = row.pid {
            return edges.processes.describe(pid);
        }
        let known = self.known.get(&row.inode)?;
        if known.is_so(edges, programs) {
            return Some(known.process.clone());
        }
        self.known.remove(&row.inode);
        None
    }

    /// The process behind a socket, if it was described too long ago.
    fn stale(&self, row: &SocketRow, now: Duration) -> Option<OpenSocket> {
        let known = self.known.get(&row.inode)?;
        (now.saturating_sub(known.at) >= FRESH).then_some(known.open)
    }
}

//! Who is on a port, and whether it is the lease's own app.

use std::{collections::HashMap, path::Path};

use portlease_proto::{Holder, Port, Protocol};

use super::{Edges, Error, Inner, Manager, known::Programs};
use crate::{
    ownership::{self, Question},
    processes::Process,
    registry::Record,
    sockets::{Leftovers, SocketRow, SocketState, Transport, Verdict},
};

/// A socket on a port and the process behind it, where it can be seen.
#[derive(Debug, Clone)]
pub(super) struct Occupant {
    pub(super) row: SocketRow,
    pub(super) process: Option<Process>,
}

/// What slow look-ups have found in the course of one request.
pub(super) type Findings = HashMap<Port, Vec<Occupant>>;

/// What is on a lease's port.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Occupancy {
    Idle,
    Own(Holder),
    Stranger(Holder),
}

/// Why an attempt did not come to its end.
pub(super) enum Interrupt {
    /// It cannot.
    Failed(Error),
    /// Who is on this port must be found out first, which may take a while.
    Identify(Port),
}

impl<E: Into<Error>> From<E> for Interrupt {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Manager {
    /// Repeats `attempt` until it needs to know nothing more, finding out
    /// between attempts, with the lock released. May walk all processes.
    pub(super) fn thoroughly<T>(
        &self,
        mut attempt: impl FnMut(&Findings) -> Result<T, Interrupt>,
    ) -> Result<T, Error> {
        let mut findings = Findings::new();
        loop {
            match attempt(&findings) {
                Ok(value) => return Ok(value),
                Err(Interrupt::Failed(error)) => return Err(error),
                Err(Interrupt::Identify(port)) => {
                    let rows = self.edges.sockets.on_port(port)?;
                    findings.insert(port, self.identify(rows));
                }
            }
        }
    }

    /// Finds the processes behind `rows`. May walk all processes.
    pub(super) fn identify(&self, mut rows: Vec<SocketRow>) -> Vec<Occupant> {
        {
            let inner = self.lock();
            // A hold of ours is in nobody's way.
            rows.retain(|row| !inner.kept.is_hold(row.port, row.inode));
        }
        self.recognise(rows)
    }
}

impl Inner {
    /// What is on the port of a lease: the bind probe says whether anything
    /// is, an exact look-up says who.
    pub(super) fn occupancy(
        &mut self,
        edges: &Edges,
        record: &Record,
        findings: &Findings,
    ) -> Result<Occupancy, Interrupt> {
        if edges.sockets.probe(record.port, record.protocol, Leftovers::Ignored)? == Verdict::Free {
            return Ok(Occupancy::Idle);
        }
        let rows = edges.sockets.look_up(record.port, record.protocol)?;
        let mut programs = Programs::new();
        let known: Option<Vec<Occupant>> = rows
            .into_iter()
            .map(|row| Some(Occupant { row, process: Some(self.recall(edges, &row, &mut programs)?) }))
            .collect();
        match known.filter(|occupants| !occupants.is_empty()) {
            Some(occupants) => Ok(self.judge(edges, record, &occupants)),
            None => match findings.get(&record.port) {
                Some(occupants) => Ok(self.judge(edges, record, occupants)),
                None => Err(Interrupt::Identify(record.port)),
            },
        }
    }

    /// Own if any of them is: a stranger beside the running app is no reason
    /// to take the port from the app. The port is known to be occupied, so an
    /// empty list means that nobody could be seen, not that nobody is there.
    pub(super) fn judge(&self, edges: &Edges, record: &Record, occupants: &[Occupant]) -> Occupancy {
        let serving = || occupants.iter().filter(|occupant| occupant.row.occupies(record.protocol));
        if let Some(occupant) = serving().find(|occupant| self.is_own(edges, record, occupant)) {
            return Occupancy::Own(occupant.holder(edges));
        }
        if let Some(stranger) = serving().next() {
            return Occupancy::Stranger(stranger.holder(edges));
        }
        // What a server without SO_REUSEADDR leaves keeps even its own app off
        // for a minute, but nobody has the port.
        let mut connections =
            occupants.iter().filter(|occupant| occupant.row.is_connection_of(record.protocol)).peekable();
        if connections.peek().is_none() {
            return Occupancy::Stranger(Holder::default());
        }
        let in_use = |occupant: &&Occupant| occupant.row.state == SocketState::Connected;
        match connections.filter(in_use).find(|occupant| !self.is_own(edges, record, occupant)) {
            Some(stranger) => Occupancy::Stranger(stranger.holder(edges)),
            None => Occupancy::Idle,
        }
    }

    pub(super) fn is_own(&self, edges: &Edges, record: &Record, occupant: &Occupant) -> bool {
        let ours = occupant.row.uid.is_none_or(|uid| uid == edges.processes.our_uid());
        if ours && (is_of_owner(edges, record, occupant) || is_of_run(edges, record, occupant)) {
            return true;
        }
        let question = Question {
            root: self.root_of(record),
            socket_uid: occupant.row.uid,
            process: occupant.process.as_ref(),
            our_uid: edges.processes.our_uid(),
        };
        // Tests run inside the directories of projects, and have ports of their own.
        let anonymous = record.key.project.is_anonymous();
        ownership::is_own(question, |dir| {
            let is_root = |dir| self.registry.is_root_besides(dir, &record.key);
            !anonymous && dir.to_str().is_some_and(is_root)
        })
    }

    /// The root of a lease, or of another lease of its project.
    pub(super) fn root_of<'a>(&'a self, record: &'a Record) -> Option<&'a Path> {
        if record.key.project.is_anonymous() {
            return None;
        }
        let of_project =
            || self.registry.of_project(&record.key.project).find_map(|other| other.root.as_deref());
        record.root.as_deref().or_else(of_project).map(Path::new)
    }
}

/// Whether the process is the lease's owner, or runs under it.
fn is_of_owner(edges: &Edges, record: &Record, occupant: &Occupant) -> bool {
    let Some(owner) = record.life.owner else { return false };
    occupant.pid().is_some_and(|pid| stems_from(edges, pid, owner.pid))
}

/// Whether the process is what `portlease run` started for the lease.
fn is_of_run(edges: &Edges, record: &Record, occupant: &Occupant) -> bool {
    let Some(run) = record.run else { return false };
    occupant.pid().is_some_and(|pid| is_in_run(edges, pid, run.pid))
}

/// Whether a process is what a run started, or belongs to it. One that lost
/// its parent is still in the process group that it was started in; the shell
/// that the run was typed into leads the session, and does not stem from it.
pub(super) fn is_in_run(edges: &Edges, pid: u32, run: u32) -> bool {
    stems_from(edges, pid, run)
        || edges.processes.leaders(pid).into_iter().any(|leader| stems_from(edges, leader, run))
}

fn stems_from(edges: &Edges, pid: u32, from: u32) -> bool {
    pid == from || edges.processes.ancestors(pid).contains(&from)
}

impl Occupant {
    /// The process, or at least the user that the kernel names.
    pub(super) fn holder(&self, edges: &Edges) -> Holder {
        match &self.process {
            Some(process) => process.holder.clone(),
            None => {
                Holder { user: self.row.uid.map(|uid| edges.processes.user_name(uid)), ..Holder::default() }
            }
        }
    }

    /// What tells its socket from others on its port.
    pub(super) fn socket(&self) -> (Transport, u64) {
        (self.row.transport, self.row.inode)
    }

    /// Whether it can be reached from outside this machine.
    pub(super) fn is_exposed(&self) -> bool {
        self.row.state == SocketState::Listening && !self.row.address.to_canonical().is_loopback()
    }

    /// The process, where it can be seen.
    pub(super) fn pid(&self) -> Option<u32> {
        self.process.as_ref().and_then(|process| process.holder.pid)
    }

    /// The port that the socket is on.
    pub(super) fn port(&self) -> Port {
        self.row.port
    }
}

/// The first of those that keep a port from `protocol`, to be named in an error.
pub(super) fn first_holder(edges: &Edges, occupants: &[Occupant], protocol: Protocol) -> Holder {
    // A listener is more in the way than a connection, and a process tells
    // more than a socket without one.
    let here = occupants.iter().filter(|occupant| occupant.row.is_covered_by(protocol));
    let best = here.min_by_key(|occupant| (!occupant.row.occupies(protocol), occupant.process.is_none()));
    best.map(|occupant| occupant.holder(edges)).unwrap_or_default()
}

/// Whether nothing but closed connections keeps a port from `protocol`. The
/// kernel gives those no owner: user 0 in their rows does not mean root.
pub(super) fn only_leftovers(occupants: &[Occupant], protocol: Protocol) -> bool {
    let mut here = occupants.iter().filter(|occupant| occupant.row.is_covered_by(protocol)).peekable();
    here.peek().is_some() && here.all(|occupant| occupant.row.state == SocketState::Leftover)
}

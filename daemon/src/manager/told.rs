//! What was told of the holders of a port is told again for a moment, without
//! the files that a process which hangs keeps a reader of waiting for: if the
//! kernel says that each socket is still open in the same process, that it runs
//! the same program, and that the same ones are above it.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use portlease_proto::{Parent, Port};

use super::{Edges, Inner, holders::Facts, identify::Occupant, known::FRESH};
use crate::{
    processes::{Outline, Processes, Trace},
    sockets::SocketDetail,
};

/// As many ports at most.
const PORTS: usize = 64;
/// Those above a process, at most.
const ABOVE: usize = 32;

/// A process and those above it, each in outline.
type Chain = Vec<(u32, Outline)>;

/// What was found out to tell of the holders of some ports.
#[derive(Default)]
pub(super) struct Told(HashMap<Port, Answer>);

struct Answer {
    at: Duration,
    chains: HashMap<u32, Chain>,
    facts: Facts,
}

impl Told {
    /// Whether the holders of a port were told of a moment ago.
    pub(super) fn is_fresh(&self, port: Port, now: Duration) -> bool {
        self.0.get(&port).is_some_and(|answer| now.saturating_sub(answer.at) < FRESH)
    }

    /// Remembers what was found out since `chains` were looked at.
    pub(super) fn keep(&mut self, port: Port, now: Duration, chains: HashMap<u32, Chain>, facts: Facts) {
        self.0.retain(|_, answer| now.saturating_sub(answer.at) < FRESH);
        let whole =
            facts.traces.iter().all(|(pid, trace)| chains.get(pid).is_some_and(|chain| is_of(trace, chain)));
        if whole && self.0.len() < PORTS {
            self.0.insert(port, Answer { at: now, chains, facts });
        }
    }
}

/// Whether these are the ones that the trace tells of.
fn is_of(trace: &Trace, chain: &[(u32, Outline)]) -> bool {
    let above = chain.iter().skip(1).map(|(pid, outline)| Parent { pid: *pid, name: outline.name.clone() });
    let stopped = chain.first().is_some_and(|(_, outline)| outline.stopped);
    stopped == trace.stopped && above.take(trace.parents.len()).eq(trace.parents.iter().cloned())
}

/// Each process behind these sockets, with those above it.
pub(super) fn chains(processes: &dyn Processes, occupants: &[Occupant]) -> HashMap<u32, Chain> {
    let pids: HashSet<u32> = occupants.iter().filter_map(Occupant::pid).collect();
    pids.into_iter().map(|pid| (pid, chain(processes, pid))).collect()
}

fn chain(processes: &dyn Processes, first: u32) -> Chain {
    let mut chain = Chain::new();
    let mut pid = first;
    while pid > 0 && chain.len() < ABOVE {
        let Some(outline) = processes.outline(pid) else { break };
        let parent = outline.parent;
        chain.push((pid, outline));
        pid = parent;
    }
    chain
}

impl Inner {
    /// Who is behind these sockets and what there is to tell of them, if all of
    /// it was told of this port and is still so. When that was, is asked before.
    pub(super) fn told_again(
        &self,
        edges: &Edges,
        port: Port,
        sockets: &[SocketDetail],
    ) -> Option<(Vec<Occupant>, Facts)> {
        let answer = self.told.0.get(&port)?;
        let mut confirmed = HashSet::new();
        let mut occupants = Vec::with_capacity(sockets.len());
        for SocketDetail { row, .. } in sockets {
            let (open, program, process) = self.known.get(&row.inode)?.parts();
            let chain = answer.chains.get(&open.pid)?;
            let (_, outline) = chain.first()?;
            let is_so = edges.processes.still_open(open)
                && Some(outline.program) == program
                && row.uid.is_none_or(|uid| answer.facts.users.contains_key(&uid))
                && (!confirmed.insert(open.pid) || answer.holds(edges, open.pid, chain));
            if !is_so {
                return None;
            }
            occupants.push(Occupant { row: *row, process: Some(process.clone()) });
        }
        Some((occupants, answer.facts.clone()))
    }
}

impl Answer {
    /// Whether a process, and those above it that are told of, are what they were.
    fn holds(&self, edges: &Edges, pid: u32, chain: &Chain) -> bool {
        let Some(trace) = self.facts.traces.get(&pid) else { return false };
        let told = &chain[..chain.len().min(trace.parents.len() + 1)];
        told.iter().all(|(pid, outline)| edges.processes.outline(*pid).as_ref() == Some(outline))
    }
}

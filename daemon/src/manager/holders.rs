//! Sockets and processes as the API shows them.

use std::collections::HashMap;

use portlease_proto::{Holder, Port, PortHolder, Socket, Transport};

use super::identify::Occupant;
use crate::{
    processes::{Processes, Trace},
    sockets::{self, SocketDetail},
};

/// What is looked up of users and processes.
#[derive(Clone, Default)]
pub(super) struct Facts {
    pub(super) users: HashMap<u32, String>,
    pub(super) traces: HashMap<u32, Trace>,
}

/// The names of users and where processes come from, each looked up once.
pub(super) struct Names<'a> {
    processes: &'a dyn Processes,
    pub(super) found: Facts,
}

impl<'a> Names<'a> {
    pub(super) fn new(processes: &'a dyn Processes) -> Self {
        Self { processes, found: Facts::default() }
    }

    /// With what was found before.
    pub(super) fn with(processes: &'a dyn Processes, found: Facts) -> Self {
        Self { processes, found }
    }

    pub(super) fn of(&mut self, uid: u32) -> String {
        self.found.users.entry(uid).or_insert_with(|| self.processes.user_name(uid)).clone()
    }

    fn trace(&mut self, pid: u32) -> Trace {
        self.found.traces.entry(pid).or_insert_with(|| self.processes.trace(pid)).clone()
    }
}

/// The word of the API for a name space of ports.
pub(super) fn transport(transport: sockets::Transport) -> Transport {
    match transport {
        sockets::Transport::Tcp => Transport::Tcp,
        sockets::Transport::Udp => Transport::Udp,
    }
}

/// One socket as it is shown.
pub(super) fn socket(detail: &SocketDetail, occupant: &Occupant, names: &mut Names<'_>) -> Socket {
    let row = detail.row;
    // The kernel gives user 0 to what no process has open.
    let uid = row.uid.filter(|_| row.inode != 0);
    Socket {
        transport: transport(row.transport),
        address: row.address,
        dual_stack: detail.dual_stack,
        state: detail.state,
        exposed: detail.is_exposed(),
        remote: detail.remote,
        queue: detail.queue,
        user: uid.map(|uid| names.of(uid)),
        inode: (row.inode != 0).then_some(row.inode),
        pid: pid(occupant),
    }
}

fn pid(occupant: &Occupant) -> Option<u32> {
    occupant.process.as_ref().and_then(|process| process.holder.pid)
}

/// The processes behind the sockets of a port, in the order of their sockets.
/// What no process has open has no holder; what only its process cannot be
/// read of has one.
pub(super) fn holders(port: Port, occupants: &[Occupant], names: &mut Names<'_>) -> Vec<PortHolder> {
    let mut places: HashMap<(Option<u32>, Option<u32>), usize> = HashMap::new();
    let mut holders: Vec<PortHolder> = Vec::new();
    for occupant in occupants {
        let (pid, row) = (pid(occupant), occupant.row);
        if pid.is_none() && row.inode == 0 {
            continue;
        }
        // Unreadable ones differ by nothing but their users.
        let key = (pid, row.uid.filter(|_| pid.is_none()));
        let place = *places.entry(key).or_insert_with(|| {
            holders.push(match &occupant.process {
                Some(process) => readable(&process.holder, names),
                None => unreadable(port, row.uid, names),
            });
            holders.len() - 1
        });
        holders[place].inodes.extend((row.inode != 0).then_some(row.inode));
    }
    for holder in &mut holders {
        holder.inodes.sort_unstable();
    }
    holders
}

fn readable(holder: &Holder, names: &mut Names<'_>) -> PortHolder {
    let trace = holder.pid.map(|pid| names.trace(pid)).unwrap_or_default();
    let elsewhere = trace
        .elsewhere
        .then(|| "it lives in another network namespace, and has this socket in ours".to_owned());
    PortHolder {
        process: holder.clone(),
        parents: trace.parents,
        unit: trace.unit,
        stopped: trace.stopped,
        remarks: elsewhere.into_iter().collect(),
        inodes: Vec::new(),
    }
}

fn unreadable(port: Port, uid: Option<u32>, names: &mut Names<'_>) -> PortHolder {
    let processes = names.processes;
    let (ours, root) = (processes.our_uid(), 0);
    let more = format!("sudo ss -lpn 'sport = :{port}'");
    let mut remarks = vec![match uid {
        _ if ours == root => {
            "no process in sight has it open: one in a container's pid namespace, or the kernel itself"
                .to_owned()
        }
        Some(uid) if uid == ours => {
            format!("the process hides from its own user, or is out of sight: {more}")
        }
        _ => format!("only root may see which process it is: {more}"),
    }];
    if uid == Some(root)
        && let Some(pid) = processes.docker_proxy(port)
    {
        remarks.push(format!(
            "docker-proxy (pid {pid}) says that it forwards this port: docker ps --filter publish={port}"
        ));
    }
    let process = Holder { user: uid.map(|uid| names.of(uid)), ..Holder::default() };
    PortHolder { process, remarks, ..PortHolder::default() }
}

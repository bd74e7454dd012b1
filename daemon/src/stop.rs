//! Stopping the process on a port: the very one that the caller has seen there,
//! this user's own, and nobody that it would be a pity to lose.

use std::{io, time::Duration};

use portlease_proto::{Holder, Port, Protocol, StopRequest, Stopped};

use crate::{
    manager::Edges,
    processes::docker::Forward,
    sockets::{Leftovers, SocketError, Verdict},
};

/// How long the end of a process is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why nobody was stopped.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// What the caller has seen is no longer so.
    #[error("process {pid} does not have socket {inode} on port {port}, or no longer")]
    Stale {
        /// The port.
        port: Port,
        /// The process.
        pid: u32,
        /// The socket.
        inode: u64,
    },
    /// The process is another user's.
    #[error("process {pid} belongs to another user")]
    AnotherUser {
        /// The process.
        pid: u32,
        /// What can be seen of it.
        holder: Box<Holder>,
    },
    /// The process keeps the port for a container.
    #[error(
        "port {port} is docker's: process {pid} forwards it to port {} of the container at {}",
        forward.container_port, forward.address
    )]
    Container {
        /// The port.
        port: Port,
        /// docker-proxy.
        pid: u32,
        /// What it forwards.
        forward: Forward,
    },
    /// The process is the daemon, one above it, or the machine's first.
    #[error("process {pid} is {who}")]
    Protected {
        /// The process.
        pid: u32,
        /// Which it is.
        who: &'static str,
    },
    /// The kernel gives no answer about sockets.
    #[error("the machine's sockets cannot be read, so nobody was stopped")]
    Sockets(#[from] SocketError),
    /// The system does not let us take hold of the process or signal it.
    #[error("process {pid} cannot be signalled")]
    Signal {
        /// The process.
        pid: u32,
        /// Why.
        source: io::Error,
    },
}

/// Stops the process and waits for its end, for some seconds.
///
/// The process is taken hold of first and looked at then, so that whoever is
/// looked at is the one that gets the signal, or nobody is.
///
/// # Errors
/// [`StopError`], and then no signal was sent.
pub fn stop(edges: &Edges, port: Port, request: &StopRequest) -> Result<Stopped, StopError> {
    let StopRequest { pid, inode, signal } = *request;
    let stale = || StopError::Stale { port, pid, inode };
    let failed = |source| StopError::Signal { pid, source };
    let pinned = edges.processes.pin(pid).map_err(failed)?.ok_or_else(stale)?;
    check(edges, port, request)?;
    if !pinned.send(signal).map_err(failed)? {
        return Err(stale());
    }
    // From here on there is something to tell, so nothing is an error any more.
    let ended = pinned.wait(PATIENCE).unwrap_or(false);
    let verdict = edges.sockets.probe(port, Protocol::Both, Leftovers::Ignored);
    let free = verdict.is_ok_and(|verdict| verdict == Verdict::Free);
    Ok(Stopped { port, pid, signal, ended, free })
}

/// Whether the process may be stopped, as it is now.
fn check(edges: &Edges, port: Port, request: &StopRequest) -> Result<(), StopError> {
    let StopRequest { pid, inode, .. } = *request;
    let processes = edges.processes.as_ref();
    let stale = || StopError::Stale { port, pid, inode };
    let has_open = processes.has_open(pid, inode);
    if has_open == Some(false) || inode == 0 {
        return Err(stale());
    }
    let holder = processes.describe(pid).ok_or_else(stale)?.holder;
    if let Some(forward) = holder.command.as_deref().and_then(Forward::of_line) {
        return Err(StopError::Container { port, pid, forward });
    }
    if let Some(who) = protected(pid, std::process::id(), &processes.ancestors(std::process::id())) {
        return Err(StopError::Protected { pid, who });
    }
    if !processes.is_ours(pid) {
        return Err(StopError::AnotherUser { pid, holder: Box::new(holder) });
    }
    let on_port = edges.sockets.on_port(port)?.iter().any(|row| row.inode == inode);
    if has_open == Some(true) && on_port { Ok(()) } else { Err(stale()) }
}

/// What a process is that is never stopped.
fn protected(pid: u32, ours: u32, above: &[u32]) -> Option<&'static str> {
    match pid {
        1 => Some("the first process, under which all others run"),
        pid if pid == ours => Some("the portlease daemon itself"),
        pid if above.contains(&pid) => Some("one that the portlease daemon runs under"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

//! Who is behind a socket. A pid is never enough: what counts is that the
//! process has that very socket open now.

mod describe;
pub mod docker;
#[cfg(target_os = "linux")]
mod lineage;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as platform;
#[cfg(target_os = "linux")]
mod unit;

use std::path::PathBuf;

use portlease_proto::{Holder, Parent, Port, Unit};

pub use platform::SystemProcesses;

/// A process that has a socket open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenSocket {
    /// The socket's number.
    pub inode: u64,
    /// The process.
    pub pid: u32,
    /// The process's own number for it; 0 where that is not known (macOS).
    pub fd: u32,
}

/// A process, as far as it can be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Process {
    /// What to show of it.
    pub holder: Holder,
    /// Its working directory.
    pub cwd: Option<PathBuf>,
}

/// Where a process comes from, and how it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace {
    /// Who started it, and so on, up to one that a person knows.
    pub parents: Vec<Parent>,
    /// The container or service that it runs in.
    pub unit: Option<Unit>,
    /// Whether it is stopped, and so answers nobody.
    pub stopped: bool,
    /// Whether it lives in another network namespace than we do.
    pub elsewhere: bool,
}

/// Asks the system about processes; behind a trait so that tests can fix the
/// answers.
pub trait Processes: Send + Sync {
    /// Which processes have these sockets open. Slow: it walks all processes.
    /// What cannot be read is left out.
    fn find(&self, inodes: &[u64]) -> Vec<OpenSocket>;

    /// Whether the process still has that socket open: one `readlink`.
    fn still_open(&self, socket: OpenSocket) -> bool;

    /// Describes one process, if it lives.
    fn describe(&self, pid: u32) -> Option<Process>;

    /// Where one process comes from; empty where the system does not tell.
    fn trace(&self, pid: u32) -> Trace;

    /// The docker-proxy that, by its own command line, forwards `port` into a
    /// container. Slow: it walks all processes.
    fn docker_proxy(&self, port: Port) -> Option<u32>;

    /// The name of a user, or the number where there is none.
    fn user_name(&self, uid: u32) -> String;

    /// The user that this daemon runs as.
    fn our_uid(&self) -> u32;
}

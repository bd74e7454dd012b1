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
mod outline;
#[cfg(target_os = "linux")]
mod pidfd;
#[cfg(target_os = "linux")]
mod unit;

use std::{io, path::PathBuf, time::Duration};

use portlease_proto::{Holder, Parent, Port, StopSignal, Unit};

#[cfg(all(fuzzing, target_os = "linux"))]
pub(crate) use linux::fuzz;
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

/// Which program a process runs. With the process's number it stands for one
/// run of one program: another process with that number started at another
/// time, and a process that becomes another program has it at other places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Program {
    /// When the process started, as the system counts.
    pub started: u64,
    /// Where in its memory the program has its stack, arguments and environment;
    /// 0 where that is not for us to know.
    pub places: [u64; 4],
}

/// What can be told of a process without waiting for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outline {
    /// Which program it runs.
    pub program: Program,
    /// What it calls itself.
    pub name: String,
    /// Who started it, or has taken it on.
    pub parent: u32,
    /// Whether it is stopped.
    pub stopped: bool,
}

/// A process that cannot be taken for another: a number that is given again
/// does not make it a new one.
pub trait Pinned: Send {
    /// Sends a signal; false when the process has ended.
    ///
    /// # Errors
    /// When the system does not let us.
    fn send(&self, signal: StopSignal) -> io::Result<bool>;

    /// Waits for its end, so long at most; whether it has come.
    ///
    /// # Errors
    /// When the system does not let us.
    fn wait(&self, patience: Duration) -> io::Result<bool>;
}

/// Asks the system about processes; behind a trait so that tests can fix the
/// answers.
pub trait Processes: Send + Sync {
    /// Which processes have these sockets open. Slow: it walks all processes.
    /// What cannot be read is left out.
    fn find(&self, inodes: &[u64]) -> Vec<OpenSocket>;

    /// Whether the process still has that socket open: one `readlink`.
    fn still_open(&self, socket: OpenSocket) -> bool;

    /// What can be told of a process by one short read that waits for nobody;
    /// none when it has ended, or where the system has no such thing.
    fn outline(&self, pid: u32) -> Option<Outline>;

    /// Describes one process, if it lives. One that hangs may keep us waiting.
    fn describe(&self, pid: u32) -> Option<Process>;

    /// The command line of one process, if it can be read.
    fn command(&self, pid: u32) -> Option<String> {
        self.describe(pid)?.holder.command
    }

    /// Where one process comes from; empty where the system does not tell.
    fn trace(&self, pid: u32) -> Trace;

    /// The docker-proxy that, by its own command line, forwards `port` into a
    /// container. Slow: it walks all processes.
    fn docker_proxy(&self, port: Port) -> Option<u32>;

    /// Takes hold of the process that has this number now; none when there is
    /// none.
    ///
    /// # Errors
    /// When the system cannot.
    fn pin(&self, pid: u32) -> io::Result<Option<Box<dyn Pinned>>>;

    /// Whether a process has the socket open now, under whatever number; none
    /// when it may not be looked at.
    fn has_open(&self, pid: u32, inode: u64) -> Option<bool>;

    /// Whether a process is this user's in every respect: as whom it acts, and
    /// as whom it was started.
    fn is_ours(&self, pid: u32) -> bool;

    /// Those above a process, from its parent up to the machine's first one.
    fn ancestors(&self, pid: u32) -> Vec<u32>;

    /// The leaders of its process group and of its session; they may have
    /// ended. Their numbers are given to nobody else meanwhile.
    fn leaders(&self, pid: u32) -> Vec<u32>;

    /// The name of a user, or the number where there is none.
    fn user_name(&self, uid: u32) -> String;

    /// The user that this daemon runs as.
    fn our_uid(&self) -> u32;
}

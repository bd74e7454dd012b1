//! Starting an app: first its process, which waits, then the app in it.

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    net::TcpListener,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::CommandExt},
    },
    path::PathBuf,
    process::Command,
};

use command_fds::{CommandFdExt, FdMapping};
use rustix::process::Pid;

use super::{Place, stage::GO};

/// The first number that a passed socket has (systemd's `SD_LISTEN_FDS_START`).
const FIRST_FD: i32 = 3;

/// What is to be started.
#[derive(Debug)]
pub(crate) struct Launch {
    /// The program and its arguments; never empty.
    pub(crate) command: Vec<OsString>,
    /// What is added to the environment.
    pub(crate) variables: Vec<(String, String)>,
    /// Sockets that listen already, with their services' names.
    pub(crate) listeners: Vec<(String, TcpListener)>,
}

/// An app that did not come to be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LaunchError {
    /// It could not be begun.
    #[error("no process can be started")]
    Process(#[source] io::Error),
    /// Its program cannot be run.
    #[error("{program} cannot be run")]
    Program { program: String, source: io::Error },
}

/// A process that is the app, or will be.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) pid: Pid,
    gate: UnixStream,
    program: String,
}

impl Launch {
    /// Starts the process in its place. It waits.
    pub(crate) fn wait(self, place: &Place) -> Result<Child, LaunchError> {
        let program =
            self.command.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
        let (gate, theirs) = UnixStream::pair().map_err(LaunchError::Process)?;
        let listeners = self.listeners.len();
        let gate_fd = FIRST_FD + i32::try_from(listeners).unwrap_or_default();

        let mut stage = Command::new(this_program().map_err(LaunchError::Process)?);
        stage.arg0("portlease").arg("stage").arg(gate_fd.to_string());
        if listeners > 0 {
            stage.arg("--listens");
        }
        stage.arg("--").args(&self.command).envs(self.variables);
        let names: Vec<&str> = self.listeners.iter().map(|(name, _)| name.as_str()).collect();
        if listeners > 0 {
            stage.env("LISTEN_FDS", listeners.to_string()).env("LISTEN_FDNAMES", names.join(":"));
        }
        let sockets = self.listeners.into_iter().map(|(_, socket)| OwnedFd::from(socket));
        let passed = sockets.chain([theirs.into()]).zip(FIRST_FD..);
        let mapped = passed.map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd }).collect();
        stage.fd_mappings(mapped).map_err(|collision| LaunchError::Process(io::Error::other(collision)))?;
        if place.is_apart() {
            stage.process_group(0);
        }
        let child = stage.spawn().map_err(LaunchError::Process)?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| LaunchError::Process(io::Error::other("a pid out of range")))?;
        place.give(pid);
        Ok(Child { pid, gate, program })
    }
}

impl Child {
    /// Lets the app begin.
    pub(crate) fn go(&mut self) -> Result<(), LaunchError> {
        let mut why = Vec::new();
        // A process that was killed while it waited has an end, as an app has.
        if self.gate.write_all(&[GO]).is_ok() && self.gate.read_to_end(&mut why).is_err() {
            return Ok(());
        }
        // Nothing is said by an app that begins: its program closes the gate.
        match <[u8; 4]>::try_from(why) {
            Ok(number) => Err(LaunchError::Program {
                program: self.program.clone(),
                source: io::Error::from_raw_os_error(i32::from_ne_bytes(number)),
            }),
            Err(_) => Ok(()),
        }
    }
}

/// This very program, even if its file was replaced meanwhile.
#[cfg(target_os = "linux")]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn this_program() -> io::Result<PathBuf> {
    Ok(PathBuf::from("/proc/self/exe"))
}

#[cfg(not(target_os = "linux"))]
fn this_program() -> io::Result<PathBuf> {
    std::env::current_exe()
}

//! The process that becomes the app. It is there, with a pid, before the app
//! is: the daemon is told who will be on the ports, and lets go of them, and
//! only then the app begins.

use std::{
    ffi::OsString,
    io::{Read, Write},
    os::{
        fd::{FromRawFd, OwnedFd, RawFd},
        unix::{net::UnixStream, process::CommandExt},
    },
    process::{Command, ExitCode},
};

use rustix::io::{FdFlags, fcntl_setfd};

use super::signals::stops;

/// What the gate says when the app may begin.
pub(super) const GO: u8 = b'g';

/// Waits at the gate, then becomes `command`. It comes back only if that
/// cannot be: the gate is told why.
pub(crate) fn stage(gate: RawFd, listens: bool, command: &[OsString]) -> ExitCode {
    #[expect(unsafe_code, reason = "the number was passed by who opened it for us; nobody else has it")]
    // SAFETY: `Launch::wait` maps the gate to this number, and nothing in this process has touched it.
    let gate = unsafe { OwnedFd::from_raw_fd(gate) };
    let mut told = [0];
    // Blocked by `block_stops`, and a mask outlives exec.
    let stops = stops().thread_unblock();
    let closed = fcntl_setfd(&gate, FdFlags::CLOEXEC);
    let mut gate = UnixStream::from(gate);
    // Who should have opened it is gone.
    if stops.is_err() || closed.is_err() || gate.read_exact(&mut told).is_err() || told != [GO] {
        return ExitCode::FAILURE;
    }
    let Some((program, arguments)) = command.split_first() else { return ExitCode::FAILURE };
    let mut app = Command::new(program);
    app.args(arguments);
    if listens {
        // Only the process itself knows its pid in time, and apps compare it.
        app.env("LISTEN_PID", std::process::id().to_string());
    }
    let error = app.exec();
    let number = error.raw_os_error().unwrap_or(rustix::io::Errno::INVAL.raw_os_error());
    let _gone = gate.write_all(&number.to_ne_bytes());
    ExitCode::FAILURE
}

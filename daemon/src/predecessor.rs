//! A daemon that a command started, and that a service manager's now takes the
//! place of: it is told to end, finishes what it was asked, and is waited for.

use std::{io, path::Path};

#[cfg(target_os = "linux")]
pub use linux::end;

/// Without pidfds nobody can tell whom a signal would hit.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn end(_state: &Path) -> io::Result<Option<u32>> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "end the daemon that runs: portlease status shows its pid",
    ))
}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::unix::net::UnixStream;

    use rustix::{
        event::{PollFd, PollFlags, Timespec, poll},
        net::sockopt::socket_peercred,
        process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
    };

    use super::{Path, io};
    use crate::instance;

    /// It lets requests finish for two seconds, and saves.
    const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

    /// Ends the daemon of the registry in `state`, which must be canonical, and
    /// returns its pid; none when there is none.
    ///
    /// # Errors
    /// When it does not end, or cannot be told to.
    pub fn end(state: &Path) -> io::Result<Option<u32>> {
        let Some(pid) = find(state)? else { return Ok(None) };
        let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => pidfd,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        // The pid may have gone to another process before the pidfd was opened.
        if find(state)? != Some(pid) {
            return end(state);
        }
        pidfd_send_signal(&pidfd, Signal::TERM)?;
        match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&PATIENCE))? {
            0 => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("the daemon that runs (pid {pid}) was told to end and does not"),
            )),
            _ => Ok(Some(pid.as_raw_nonzero().get().unsigned_abs())),
        }
    }

    /// The process that has the daemon's name in the kernel, if it is this
    /// user's.
    fn find(state: &Path) -> io::Result<Option<Pid>> {
        let stream = match UnixStream::connect_addr(&instance::name(state)?) {
            Ok(stream) => stream,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(None),
            Err(error) => return Err(error),
        };
        let peer = match socket_peercred(&stream) {
            Ok(peer) if peer.uid == rustix::process::geteuid() => peer.pid,
            // Another user's, who wants to keep us out.
            _ => return Ok(None),
        };
        Ok((peer != rustix::process::getpid()).then_some(peer))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn nobody_is_nobody_and_we_do_not_end_ourselves() {
            let temp = tempfile::tempdir().unwrap();
            assert_eq!(end(temp.path()).unwrap(), None);
            let name = instance::name(temp.path()).unwrap();
            let _listener = std::os::unix::net::UnixListener::bind_addr(&name).unwrap();
            assert_eq!(end(temp.path()).unwrap(), None);
        }
    }
}

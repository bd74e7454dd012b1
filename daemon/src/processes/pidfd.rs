//! A process by its pidfd (pidfd_open(2)): after its end the descriptor stands
//! for nobody, whoever gets its number.

use std::{io, os::fd::OwnedFd, time::Duration};

use portlease_proto::StopSignal;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};

use super::Pinned;

struct Pidfd(OwnedFd);

/// The process that has this number now.
pub(super) fn open(pid: u32) -> io::Result<Option<Box<dyn Pinned>>> {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(fd) => Ok(Some(Box::new(Pidfd(fd)))),
        // None, or one that is a thread of another.
        Err(Errno::SRCH | Errno::INVAL | Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

impl Pinned for Pidfd {
    fn send(&self, signal: StopSignal) -> io::Result<bool> {
        let signal = match signal {
            StopSignal::Term => Signal::TERM,
            StopSignal::Kill => Signal::KILL,
        };
        match pidfd_send_signal(&self.0, signal) {
            Ok(()) => Ok(true),
            Err(Errno::SRCH) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    fn wait(&self, patience: Duration) -> io::Result<bool> {
        let patience = Timespec::try_from(patience).map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&patience))? > 0)
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn an_ended_process_is_nobody() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pinned = open(child.id()).unwrap().unwrap();
        assert!(!pinned.wait(Duration::ZERO).unwrap());
        assert!(pinned.send(StopSignal::Term).unwrap());
        assert!(pinned.wait(Duration::from_secs(10)).unwrap());
        child.wait().unwrap();
        assert!(!pinned.send(StopSignal::Kill).unwrap());
        assert!(pinned.wait(Duration::ZERO).unwrap());
        assert!(open(child.id()).unwrap().is_none());
        assert!(open(0).unwrap().is_none());
        assert!(open(u32::MAX).unwrap().is_none());
    }
}

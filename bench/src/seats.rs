//! One processor for the client and the servers while they are measured.
//!
//! Left alone, the kernel puts a client and its server on one processor or on
//! two as it likes. A call from one processor to another takes a virtual machine
//! some 50 µs, more than most answers, so a table would tell of where they sat.
//! On one, what is told is what a request costs, in the client and the server.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use rustix::{
    process::Pid,
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};

/// The processors of this thread, given back when this is dropped.
pub(crate) struct Seats {
    before: CpuSet,
    servers: Vec<u32>,
}

impl Seats {
    /// The last processor that may be used, for this thread, these processes, and
    /// what either starts meanwhile.
    pub(crate) fn take(servers: impl IntoIterator<Item = u32>) -> Result<Self> {
        let before = sched_getaffinity(None).context("which processors there are")?;
        let last = (0..CpuSet::MAX_CPU).rfind(|cpu| before.is_set(*cpu)).context("no processor")?;
        let mut one = CpuSet::new();
        one.set(last);
        let seats = Self { before, servers: servers.into_iter().collect() };
        for server in &seats.servers {
            seat(*server, &one)?;
        }
        sched_setaffinity(None, &one).context("taking a processor")?;
        Ok(seats)
    }
}

impl Drop for Seats {
    fn drop(&mut self) {
        let _it_was_allowed_before = sched_setaffinity(None, &self.before);
        for server in &self.servers {
            // It may have ended.
            let _as_far_as_it_goes = seat(*server, &self.before);
        }
    }
}

/// All threads of a process; those that it makes later sit where their makers do.
fn seat(process: u32, on: &CpuSet) -> Result<()> {
    for thread in fs::read_dir(Path::new("/proc").join(process.to_string()).join("task"))? {
        let thread = thread?.file_name().to_string_lossy().parse()?;
        match sched_setaffinity(Pid::from_raw(thread), on) {
            // It ended meanwhile.
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(error).with_context(|| format!("a processor for {process}")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_sit_together_and_get_back_what_they_had() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let before = sched_getaffinity(None).unwrap();
        let seats = Seats::take([child.id()]).unwrap();
        let [ours, theirs] = [None, pid].map(|who| sched_getaffinity(who).unwrap());
        assert_eq!((ours, ours.count()), (theirs, 1));
        drop(seats);
        assert_eq!([None, pid].map(|who| sched_getaffinity(who).unwrap()), [before, before]);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

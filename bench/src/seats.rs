//! Which processors the client and the servers have while they are measured.
//!
//! Left alone, the kernel puts a client and its server on one processor or on
//! two as it likes. A call from one processor to another takes a virtual machine
//! some 50 µs, more than most answers, so a table would tell of where they sat.

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
    /// One client and the servers share a processor: of the two one always waits.
    /// Several clients have another one than the servers, if there is another.
    /// What this thread starts meanwhile sits where it sits.
    pub(crate) fn take(clients: usize, servers: impl IntoIterator<Item = u32>) -> Result<Self> {
        let before = sched_getaffinity(None).context("which processors there are")?;
        let all: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| before.is_set(*cpu)).collect();
        let (last, first) = (all.last().context("no processor")?, all[0]);
        let seats = Self { before, servers: servers.into_iter().collect() };
        for server in &seats.servers {
            seat(*server, &only(*last))?;
        }
        let ours = if clients == 1 { *last } else { first };
        sched_setaffinity(None, &only(ours)).context("taking a processor")?;
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

fn only(cpu: usize) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(cpu);
    set
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
    fn one_client_sits_with_its_server_and_all_get_back() {
        let count = || sched_getaffinity(None).unwrap().count();
        let before = count();
        let seats = Seats::take(1, []).unwrap();
        assert_eq!(count(), 1);
        drop(seats);
        assert_eq!(count(), before);
    }

    #[test]
    fn several_clients_leave_a_processor_to_the_servers() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let seats = Seats::take(2, [child.id()]).unwrap();
        let theirs = sched_getaffinity(Pid::from_raw(i32::try_from(child.id()).unwrap())).unwrap();
        let ours = sched_getaffinity(None).unwrap();
        let shared = (0..CpuSet::MAX_CPU).filter(|cpu| ours.is_set(*cpu) && theirs.is_set(*cpu)).count();
        assert_eq!((theirs.count(), ours.count()), (1, 1));
        assert_eq!(shared, usize::from(seats.before.count() == 1));
        drop(seats);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

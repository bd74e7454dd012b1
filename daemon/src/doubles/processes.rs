//! Processes that run nowhere, and the sockets that they have open.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use portlease_proto::{Holder, Port, StopSignal};

use super::{OTHER_UID, OUR_UID};
use crate::processes::{OpenSocket, Outline, Pinned, Process, Processes, Trace};

/// Processes and the sockets that they have open.
#[derive(Debug, Default)]
pub(crate) struct FixedProcesses(Mutex<Running>);

/// What [`FixedProcesses`] answers from.
#[derive(Debug, Default)]
pub(crate) struct Running {
    pub(crate) processes: BTreeMap<u32, Process>,
    pub(crate) traces: BTreeMap<u32, Trace>,
    pub(crate) outlines: BTreeMap<u32, Outline>,
    /// How often a process was described, and its trace looked for.
    pub(crate) readings: (usize, usize),
    pub(crate) docker_proxies: BTreeMap<Port, u32>,
    /// What may not be looked into.
    pub(crate) unreadable: BTreeSet<u32>,
    /// Those above some processes.
    pub(crate) above: BTreeMap<u32, Vec<u32>>,
    /// Those above any other process.
    pub(crate) ancestors: Vec<u32>,
    /// The leaders of any process's group and session.
    pub(crate) leaders: Vec<u32>,
    /// What happens right after the next process was pinned.
    pub(crate) after_pin: Option<fn(&mut Running)>,
    /// What was sent, and to whom.
    pub(crate) signals: Arc<Mutex<Vec<(u32, StopSignal)>>>,
    pub(crate) open: Vec<OpenSocket>,
    /// How often all processes were walked.
    pub(crate) finds: usize,
    started: u32,
}

impl FixedProcesses {
    /// What it answers from, to be read or changed. Let go of it before the
    /// manager is asked anything.
    pub(crate) fn running(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap()
    }

    /// Starts a process that has one socket open.
    pub(crate) fn start(&self, uid: u32, cwd: &str) -> OpenSocket {
        let mut running = self.running();
        running.started += 1;
        let pid = 100 + running.started;
        let holder = Holder {
            pid: Some(pid),
            command: Some(format!("server-{pid}")),
            user: Some(self.user_name(uid)),
            cwd: Some(cwd.to_owned()),
            since: Some("2026-01-01T00:00:00.000Z".to_owned()),
        };
        running.processes.insert(pid, Process { holder, cwd: Some(PathBuf::from(cwd)) });
        let open = OpenSocket { inode: u64::from(pid) * 10, pid, fd: 3 };
        running.open.push(open);
        open
    }

    /// Closes a socket; the process lives on.
    pub(crate) fn close(&self, socket: OpenSocket) {
        self.running().open.retain(|open| *open != socket);
    }
}

/// A process that ends when it is told to.
struct FixedPinned {
    pid: u32,
    signals: Arc<Mutex<Vec<(u32, StopSignal)>>>,
}

impl Pinned for FixedPinned {
    fn send(&self, signal: StopSignal) -> io::Result<bool> {
        self.signals.lock().unwrap().push((self.pid, signal));
        Ok(true)
    }

    fn wait(&self, _patience: Duration) -> io::Result<bool> {
        Ok(true)
    }
}

impl Processes for FixedProcesses {
    fn find(&self, inodes: &[u64]) -> Vec<OpenSocket> {
        let mut running = self.running();
        running.finds += 1;
        running.open.iter().copied().filter(|open| inodes.contains(&open.inode)).collect()
    }

    fn still_open(&self, socket: OpenSocket) -> bool {
        self.running().open.contains(&socket)
    }

    fn outline(&self, pid: u32) -> Option<Outline> {
        let running = self.running();
        let lives = running.processes.contains_key(&pid);
        running.outlines.get(&pid).cloned().or_else(|| lives.then(Outline::default))
    }

    fn describe(&self, pid: u32) -> Option<Process> {
        self.running().readings.0 += 1;
        self.running().processes.get(&pid).cloned()
    }

    fn trace(&self, pid: u32) -> Trace {
        self.running().readings.1 += 1;
        self.running().traces.get(&pid).cloned().unwrap_or_default()
    }

    fn docker_proxy(&self, port: Port) -> Option<u32> {
        self.running().docker_proxies.get(&port).copied()
    }

    fn pin(&self, pid: u32) -> io::Result<Option<Box<dyn Pinned>>> {
        let mut running = self.running();
        let there = running.processes.contains_key(&pid);
        if let Some(happens) = running.after_pin.take() {
            happens(&mut running);
        }
        let pinned = FixedPinned { pid, signals: running.signals.clone() };
        Ok(there.then(|| Box::new(pinned) as Box<dyn Pinned>))
    }

    fn has_open(&self, pid: u32, inode: u64) -> Option<bool> {
        let running = self.running();
        let readable = !running.unreadable.contains(&pid);
        readable.then(|| running.open.iter().any(|open| (open.pid, open.inode) == (pid, inode)))
    }

    fn is_ours(&self, pid: u32) -> bool {
        let ours = self.user_name(OUR_UID);
        self.describe(pid).is_some_and(|process| process.holder.user == Some(ours))
    }

    fn ancestors(&self, pid: u32) -> Vec<u32> {
        let running = self.running();
        running.above.get(&pid).unwrap_or(&running.ancestors).clone()
    }

    fn leaders(&self, _pid: u32) -> Vec<u32> {
        self.running().leaders.clone()
    }

    fn user_name(&self, uid: u32) -> String {
        match uid {
            OUR_UID => "ada".to_owned(),
            OTHER_UID => "eve".to_owned(),
            uid => uid.to_string(),
        }
    }

    fn our_uid(&self) -> u32 {
        OUR_UID
    }
}

//! Limits that the system sets a process: files, time, memory.

use std::{
    fs::{self, File},
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::{Map, Value, json};

use super::{End, PREFIX, settle};
use crate::{
    clock,
    torture::{
        Fire,
        crash::ledger::{Doubt, Known, Ledger},
        daemon::{self, Daemon, Home},
        run_quietly,
    },
};

fn prlimit(pid: u32, files: usize) -> Result<()> {
    run_quietly(Command::new("prlimit").args(["--pid", &pid.to_string(), &format!("--nofile={files}:20000")]))
}

/// It may open no file more than it has.
pub(super) fn no_files(_: &Home, daemon: &Daemon) -> Result<End> {
    let pid = daemon.pid();
    let limits = fs::read_to_string(format!("/proc/{pid}/limits"))?;
    let before = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let before = before.and_then(|line| line.split_whitespace().next()?.parse().ok());
    let before = before.context("no limit on files")?;
    let has = |number: &usize| fs::symlink_metadata(format!("/proc/{pid}/fd/{number}")).is_ok();
    prlimit(pid, (0..before).find(|number| !has(number)).unwrap_or(before))?;
    Ok(Box::new(move || prlimit(pid, before)))
}

/// It does nothing at all for two seconds, while a command asks. That waits,
/// and starts no second daemon.
pub(super) fn stop(home: &Home, daemon: &Daemon) -> Result<End> {
    daemon.signal(Signal::STOP)?;
    let mut command = home.command(&[], &["get", "waits", "--json"]);
    let mut asking = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    clock::pause(Duration::from_secs(2));
    ensure!(asking.try_wait()?.is_none(), "somebody has answered");
    let daemons = home.daemons()?.len();
    daemon.signal(Signal::CONT)?;
    let output = asking.wait_with_output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    ensure!(daemons == 1, "{daemons} daemons while the first one stood still");
    Ok(Box::new(|| Ok(())))
}

/// A control group of version 1 or 2, whichever the machine has.
struct Group {
    path: PathBuf,
    limit: &'static str,
    used: &'static str,
    events: &'static str,
}

impl Group {
    fn new() -> Result<Self> {
        let name = format!("portlease-torture-{}", std::process::id());
        let first = PathBuf::from("/sys/fs/cgroup/memory");
        let group = if first.exists() {
            let (limit, used) = ("memory.limit_in_bytes", "memory.usage_in_bytes");
            Self { path: first.join(name), limit, used, events: "memory.oom_control" }
        } else {
            let path = PathBuf::from("/sys/fs/cgroup").join(name);
            Self { path, limit: "memory.max", used: "memory.current", events: "memory.events" }
        };
        fs::create_dir(&group.path).with_context(|| format!("the control group {}", group.path.display()))?;
        Ok(group)
    }

    fn write(&self, file: &str, value: u64) -> Result<()> {
        let path = self.path.join(file);
        write!(File::options().write(true).open(&path)?, "{value}")
            .with_context(|| path.display().to_string())
    }

    fn killed(&self) -> Result<bool> {
        let events = fs::read_to_string(self.path.join(self.events))?;
        let count = events.lines().find_map(|line| line.strip_prefix("oom_kill "));
        Ok(count.is_some_and(|count| count.trim() != "0"))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _left_if_somebody_is_in_it = fs::remove_dir(&self.path);
    }
}

/// The kernel kills it for want of memory, in the midst of grants.
pub(super) fn out_of_memory(fire: &Fire<'_>) -> Result<Value> {
    let group = Group::new()?;
    let home = Home::new(fire.program)?;
    let (mut daemon, _) = home.start_soon()?;
    group.write("cgroup.procs", daemon.pid().into())?;
    // What it had before counts elsewhere, so this is what it may take more.
    group.write(group.limit, 768 << 10)?;
    let mut ledger = Ledger::default();
    let mut connection = home.connect()?;
    let mut answered = 0;
    for number in 0..400 {
        let services: Map<String, Value> = (0..24)
            .map(|i| (format!("s{i}"), json!({"labels": {"a": "x".repeat(256), "b": "y".repeat(256)}})))
            .collect();
        let project = format!("{PREFIX}-{number}");
        ledger.doubt =
            Some(Doubt::Batch(services.keys().map(|service| format!("{project}/{service}")).collect()));
        let body = json!({"services": services});
        let Ok(answer) = connection.ask("PUT", &format!("/v1/projects/{project}"), &body) else { break };
        ledger.doubt = None;
        ensure!(answer.is_success(), "{answer:?}");
        for lease in answer.body["leases"].as_array().context("no leases")? {
            let (name, id, port) = daemon::of(lease)?;
            ledger.leases.insert(name, Known { id, port, term: None });
            answered += 1;
        }
    }
    let used = fs::read_to_string(group.path.join(group.used))?;
    let ended = clock::wait_for(Duration::from_secs(5), || daemon.ended().ok().flatten());
    ensure!(ended.is_some() && group.killed()?, "it lives on {} bytes after {answered} leases", used.trim());
    let (daemon, _) = home.start_soon()?;
    settle(&home, &mut ledger)?;
    daemon.kill()?;
    Ok(json!({"leases_before": answered}))
}

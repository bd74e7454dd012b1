//! What operations ask of the kernel, counted by strace. Counts repeat exactly,
//! whatever else the machine does.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    load::{self, Pace, Plan},
    machine, output,
    peers::Peers,
    place::Place,
    report::Section,
    servers::{Daemon, PortServer, holders},
    wire::{self, Framing},
};

const POOL: &str = "10000-31999";
/// Enough that what the daemon does by itself meanwhile does not show.
const COUNT: usize = 1000;

/// How often each system call was made, per operation.
type Calls = BTreeMap<String, f64>;

pub(crate) fn measure(peers: &Peers) -> Result<Section> {
    machine::most_leases()?;
    let mut operations = Vec::new();
    for (what, done) in [
        ("get, existing lease, Unix, keep-alive", existing(peers, false, true)?),
        ("get, existing lease, TCP, keep-alive", existing(peers, true, true)?),
        ("get, existing lease, TCP, a connection each", existing(peers, true, false)?),
        ("get, new lease, Unix, keep-alive", new(peers)?),
        ("port, free, Unix, keep-alive", free(peers)?),
        ("a port by portpicker's protocol", picked(peers)?),
        ("`portlease get`, existing lease, the command alone", command(peers)?),
    ] {
        output::note(what);
        operations.push((what, done));
    }
    let mut about = "Per operation, of the server unless it says otherwise, by `strace -f -c`.\n\n\
                     | operation | system calls | which |\n|---|---|---|\n"
        .to_owned();
    for (what, calls) in &operations {
        about.push_str(&line(what, calls));
    }
    let (rows, goals, skipped) = (Vec::new(), Vec::new(), Vec::new());
    Ok(Section {
        title: "System calls".to_owned(),
        about,
        machine: machine::described(),
        rows,
        goals,
        skipped,
    })
}

fn line(what: &str, calls: &Calls) -> String {
    let mut each: Vec<(&String, &f64)> = calls.iter().filter(|(_, count)| **count >= 0.05).collect();
    each.sort_by(|one, other| other.1.total_cmp(one.1));
    let named: Vec<String> = each.iter().map(|(name, count)| format!("{name} {count:.1}")).collect();
    format!("| {what} | {:.1} | {} |\n", calls.values().sum::<f64>(), named.join(", "))
}

fn existing(peers: &Peers, tcp: bool, keep_alive: bool) -> Result<Calls> {
    let daemon = Daemon::start(peers, POOL)?;
    let place = if tcp { &daemon.tcp } else { &daemon.unix };
    let requests = [wire::http(place, "PUT", "/v1/leases/existing/web", Some("{}"), keep_alive)];
    ask(place, &requests, keep_alive, 201, 1)?;
    counted(daemon.pid(), || ask(place, &requests, keep_alive, 200, COUNT))
}

fn new(peers: &Peers) -> Result<Calls> {
    let daemon = Daemon::start(peers, POOL)?;
    let path = |index| format!("/v1/leases/new-{index}/web");
    let requests: Vec<Vec<u8>> =
        (0..COUNT).map(|index| wire::http(&daemon.unix, "PUT", &path(index), Some("{}"), true)).collect();
    counted(daemon.pid(), || ask(&daemon.unix, &requests, true, 201, COUNT))
}

fn free(peers: &Peers) -> Result<Calls> {
    let daemon = Daemon::start(peers, POOL)?;
    let requests = [wire::http(&daemon.unix, "GET", "/v1/ports/10001", None, true)];
    counted(daemon.pid(), || ask(&daemon.unix, &requests, true, 200, COUNT))
}

fn picked(peers: &Peers) -> Result<Calls> {
    let server = PortServer::ours(peers, POOL)?;
    let holders = holders(1)?;
    let requests: Vec<Vec<u8>> =
        holders.iter().map(|holder| format!("{}\n", holder.pid()).into_bytes()).collect();
    let plan = Plan {
        place: &server.place,
        framing: Framing::UntilEnd,
        requests: &requests,
        count: COUNT,
        clients: 1,
        keep_alive: false,
        pace: Pace::Closed,
        status: 200,
    };
    counted(server.pid(), || {
        let load = load::run(&plan)?;
        ensure!(load.bodies.iter().all(|body| !body.is_empty()), "a port was refused");
        Ok(())
    })
}

fn command(peers: &Peers) -> Result<Calls> {
    let daemon = Daemon::start(peers, POOL)?;
    let get = |command: &mut Command| {
        let words = ["get", "--project", "existing", "web"];
        let command = command.arg(&peers.portlease).args(words).env("PORTLEASE_HOME", &daemon.home);
        command.env("PORTLEASE_NO_AUTOSTART", "1").output()
    };
    ensure!(get(&mut Command::new("env"))?.status.success(), "portlease get");
    let strace = get(Command::new("strace").args(["-f", "-c", "-U", "calls,name"])).context("strace")?;
    ensure!(strace.status.success(), "{}", String::from_utf8_lossy(&strace.stderr));
    calls(&String::from_utf8_lossy(&strace.stderr), 1.0)
}

fn ask(place: &Place, requests: &[Vec<u8>], keep_alive: bool, status: u16, count: usize) -> Result<()> {
    let (framing, pace) = (Framing::Http, Pace::Closed);
    load::run(&Plan { place, framing, requests, count, clients: 1, keep_alive, pace, status })?;
    Ok(())
}

/// What a process asks of the kernel while `work` is done, per operation.
fn counted(pid: u32, work: impl FnOnce() -> Result<()>) -> Result<Calls> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("counts");
    let mut strace = attach(pid, &path)?;
    let done = work();
    let id = Pid::from_raw(i32::try_from(strace.id())?).context("strace has no id")?;
    kill_process(id, Signal::INT)?;
    strace.wait()?;
    done?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    calls(&std::fs::read_to_string(&path)?, COUNT as f64)
}

/// strace, once it watches all threads that there are.
fn attach(pid: u32, counts: &Path) -> Result<Child> {
    let mut command = Command::new("strace");
    command.args(["-f", "-c", "-U", "calls,name", "-o"]).arg(counts).args(["-p", &pid.to_string()]);
    let mut strace = command.stderr(Stdio::piped()).spawn().context("strace")?;
    let mut says = BufReader::new(strace.stderr.take().context("no stderr")?);
    let mut line = String::new();
    while !line.contains("attached") {
        line.clear();
        if says.read_line(&mut line)? == 0 {
            bail!("strace cannot watch process {pid}");
        }
    }
    // Until it ends it may say more.
    std::thread::spawn(move || std::io::copy(&mut says, &mut std::io::sink()));
    Ok(strace)
}

/// The lines of strace's table, each a number and a name.
fn calls(table: &str, operations: f64) -> Result<Calls> {
    let row = |line: &str| {
        let (count, name) = line.trim().split_once(char::is_whitespace)?;
        let (count, name) = (count.parse::<u32>().ok()?, name.trim());
        (name != "total").then(|| (name.to_owned(), f64::from(count) / operations))
    };
    let calls: Calls = table.lines().filter_map(row).collect();
    ensure!(!calls.is_empty(), "strace counted nothing: {table}");
    Ok(calls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn straces_table_is_read() {
        let table = "    calls syscall\n--------- ----------------\n     2000 epoll_wait\n       10 read\n--------- ----------------\n     2010 total\n";
        let calls = calls(table, 1000.0).unwrap();
        assert_eq!(calls, [("epoll_wait".to_owned(), 2.0), ("read".to_owned(), 0.01)].into());
        assert_eq!(line("get", &calls), "| get | 2.0 | epoll_wait 2.0 |\n");
        assert!(super::calls("strace: nothing\n", 1.0).is_err());
    }
}

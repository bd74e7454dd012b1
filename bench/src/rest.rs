//! What a daemon costs while nobody asks, with and without somebody who
//! watches, and how long it takes from its start to its first answer.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use nix::{time::ClockId, unistd::Pid};

use crate::{
    clock, growth, load, machine, output,
    peers::Peers,
    report::{Bound, Goal, Section, Table, digits, thousands},
    requests::ask,
    series::Series,
    servers::Daemon,
    wire,
};

/// Starting is a goal with so many leases.
const AT_START: usize = 10_000;
/// CPU and memory are one at rest with so many.
const AT_REST: usize = 1000;
const PROGRESS: Duration = Duration::from_secs(30);

/// How long, and at which sizes.
#[derive(Debug, clap::Args)]
pub(crate) struct Amount {
    /// How long the daemons are left alone.
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration, default_value = "10m")]
    time: Duration,
    /// How long they are left alone before, to settle.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "5s")]
    settle: Duration,
    /// Leases in the registry, smallest first.
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [0, 1000, 9000])]
    leases: Vec<usize>,
    /// Leases where starting is measured, besides.
    #[arg(long, value_name = "N", default_value_t = AT_START)]
    start: usize,
    /// Fail when a goal is not reached.
    #[arg(long)]
    pub(crate) strict: bool,
}

/// A daemon that nobody asks.
struct Left {
    leases: usize,
    watched: bool,
    daemon: Daemon,
    /// An app on one of its ports, as it is in life.
    _app: Option<TcpListener>,
}

/// What a process has taken since it began.
#[derive(Clone, Copy)]
struct Taken {
    nanoseconds: i64,
    switches: u64,
}

pub(crate) fn measure(peers: &Peers, amount: &Amount) -> Result<Section> {
    machine::most_leases()?;
    let mut section = Section::new("At rest");
    section.about = format!(
        "Daemons that nobody asks, all of them at once for {}, an app on one port of each that has leases; one of two with \
         somebody at `/v1/events`. The time is told in {} stretches, of which the middle one counts. Memory is told from \
         `smaps_rollup`; wake-ups are switches of all threads. Then the time \
         from starting the process to the first answer, {} starts at each size.",
        humantime::format_duration(amount.time),
        peers.rounds,
        peers.rounds
    );
    let mut all = Vec::new();
    for leases in &amount.leases {
        for watched in [false, true] {
            all.push(leave(peers, *leases, watched)?);
        }
    }
    rest(&all, amount, peers.rounds, &mut section)?;
    drop(all);
    start(peers, amount, &mut section)?;
    Ok(section)
}

fn leave(peers: &Peers, leases: usize, watched: bool) -> Result<Left> {
    let daemon = growth::filled(peers, leases)?;
    let app = if leases == 0 { None } else { Some(app(&daemon)?) };
    if watched {
        let mut stream = daemon.unix.connect()?;
        stream.write_all(&wire::http(&daemon.unix, "GET", "/v1/events", None, true))?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        ensure!(head.ends_with(b" 200"), "no events: {}", String::from_utf8_lossy(&head));
        // Until the daemon ends.
        thread::spawn(move || std::io::copy(&mut stream, &mut std::io::sink()));
    }
    Ok(Left { leases, watched, daemon, _app: app })
}

fn app(daemon: &Daemon) -> Result<TcpListener> {
    let request = wire::http(&daemon.unix, "PUT", "/v1/leases/existing/web", Some("{}"), true);
    let load = ask(&daemon.unix, &[request], 1, 200, 1)?;
    let lease: serde_json::Value = serde_json::from_slice(load.bodies.first().context("no answer")?)?;
    let port = u16::try_from(lease["port"].as_u64().context("a lease without a port")?)?;
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, port))?)
}

/// What one of them takes, a number a stretch of the time.
#[derive(Default)]
struct Taking {
    cpu: Series,
    wakes: Series,
    resident: Series,
    anonymous: Series,
}

fn rest(all: &[Left], amount: &Amount, stretches: usize, section: &mut Section) -> Result<()> {
    wait(amount.settle);
    let mut taking: Vec<Taking> = all.iter().map(|_| Taking::default()).collect();
    for _ in 0..stretches {
        let before = all.iter().map(|left| taken(left.daemon.pid())).collect::<Result<Vec<_>>>()?;
        let begun = clock::now();
        wait(amount.time.div_f64(load::float(stretches as u64)));
        let seconds = clock::now().duration_since(begun).as_secs_f64();
        for ((left, before), taking) in all.iter().zip(before).zip(&mut taking) {
            let after = taken(left.daemon.pid())?;
            let (resident, anonymous) = memory(left.daemon.pid())?;
            taking.cpu.push((after.nanoseconds - before.nanoseconds) as f64 / 1e7 / seconds);
            taking.wakes.push(load::float(after.switches - before.switches) / seconds);
            taking.resident.push(resident);
            taking.anonymous.push(anonymous);
        }
    }
    tell(all, taking, section);
    Ok(())
}

fn tell(all: &[Left], taking: Vec<Taking>, section: &mut Section) {
    let head = [
        "leases",
        "watched",
        "RSS MB",
        "anonymous MB",
        "of files MB",
        "CPU % (min–max)",
        "wake-ups per second",
    ];
    let mut table = Table { head: head.map(str::to_owned).to_vec(), rows: Vec::new() };
    for (left, taking) in all.iter().zip(taking) {
        let Taking { cpu, wakes, resident, anonymous } = taking;
        let leases = thousands(left.leases);
        let watched = if left.watched { "yes" } else { "no" };
        let memory =
            [&resident, &anonymous, &resident.less(&anonymous)].map(|series| digits(series.median()));
        let spread = [cpu.median(), cpu.least(), cpu.most()].map(digits);
        let cpu_spread = format!("{} ({}–{})", spread[0], spread[1], spread[2]);
        let row = [leases.clone(), watched.to_owned()].into_iter().chain(memory);
        table.rows.push(row.chain([cpu_spread, digits(wakes.median())]).collect());
        if !left.watched {
            let what = format!("at rest, {leases} leases: CPU");
            section.goals.push(Goal::new(what, Bound::AtMost(0.1), " %", cpu));
        }
        if !left.watched && left.leases == AT_REST {
            let what = format!("at rest, {leases} leases: RSS");
            section.goals.push(Goal::new(what, Bound::AtMost(10.0), " MB", resident));
        }
    }
    section.tables.push(table);
}

fn wait(time: Duration) {
    let until = clock::now() + time;
    loop {
        let left = until.saturating_duration_since(clock::now());
        if left.is_zero() {
            return;
        }
        output::note(&format!("at rest for {} s more", left.as_secs_f64().round()));
        clock::pause(left.min(PROGRESS));
    }
}

fn taken(pid: u32) -> Result<Taken> {
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(i32::try_from(pid)?))?.now()?;
    let nanoseconds = clock.tv_sec() * 1_000_000_000 + clock.tv_nsec();
    let mut switches = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // It may end meanwhile.
        let status = fs::read_to_string(thread?.path().join("status")).unwrap_or_default();
        switches +=
            field(&status, "voluntary_ctxt_switches:") + field(&status, "nonvoluntary_ctxt_switches:");
    }
    Ok(Taken { nanoseconds, switches })
}

/// What is in memory, and what of it is in no file, in millions of bytes.
fn memory(pid: u32) -> Result<(f64, f64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let of = |name| load::float(field(&text, name)) * 1024.0 / 1e6;
    Ok((of("Rss:"), of("Anonymous:")))
}

/// The number after a name at the begin of a line.
fn field(text: &str, name: &str) -> u64 {
    let rest = text.lines().find_map(|line| line.strip_prefix(name));
    rest.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// From the start of the process to its first answer.
fn start(peers: &Peers, amount: &Amount, section: &mut Section) -> Result<()> {
    let mut sizes = amount.leases.clone();
    sizes.push(amount.start);
    let head = ["leases", "first answer ms (min–max)"];
    let mut table = Table { head: head.map(str::to_owned).to_vec(), rows: Vec::new() };
    let (mut daemon, mut there) = (growth::filled(peers, 0)?, 0);
    for size in sizes {
        output::note(&format!("starting with {size} leases"));
        growth::fill(&daemon, there, size)?;
        there = size;
        let mut took = Series::default();
        for _ in 0..peers.rounds {
            daemon.end()?;
            let begun = clock::now();
            daemon = daemon.again(peers)?;
            let request = wire::http(&daemon.unix, "GET", "/v1/ports/9999", None, true);
            ask(&daemon.unix, &[request], 1, 200, 1)?;
            took.push(clock::now().duration_since(begun).as_secs_f64() * 1e3);
        }
        let spread = [took.median(), took.least(), took.most()].map(digits);
        table.rows.push(vec![thousands(size), format!("{} ({}–{})", spread[0], spread[1], spread[2])]);
        if size == AT_START {
            let what = format!("start with {} leases to first answer", thousands(size));
            section.goals.push(Goal::new(what, Bound::AtMost(100.0), " ms", took));
        }
    }
    section.tables.push(table);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_that_of_its_whole_name() {
        let text = "Rss:  2048 kB\nvoluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t3\n";
        assert_eq!(field(text, "voluntary_ctxt_switches:"), 7);
        assert_eq!(field(text, "nonvoluntary_ctxt_switches:"), 3);
        assert_eq!((field(text, "Rss:"), field(text, "Anonymous:")), (2048, 0));
    }

    #[test]
    fn this_process_takes_something() {
        let (resident, anonymous) = memory(std::process::id()).unwrap();
        assert!(resident > anonymous && anonymous > 0.0);
        let taken = taken(std::process::id()).unwrap();
        assert!(taken.nanoseconds > 0 && taken.switches > 0);
    }
}

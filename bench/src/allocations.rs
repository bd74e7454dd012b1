//! Ports for tests, as fast as they can be had, from portlease and from what
//! else gives them. Whom they are given to lives until all are counted.

use std::{
    collections::HashSet,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::Command,
    thread,
};

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use serde::Deserialize;

use crate::{
    clock,
    load::{self, Load, Pace, Plan},
    machine, output,
    peers::{Peers, rotated},
    place::Place,
    portauth::{self, PortAuth},
    report::{Bound, Goal, Section},
    seats::Seats,
    servers::{self, Daemon, PortServer, Running},
    wire::{self, Framing},
};

const POOL: (u16, u16) = (10_000, 45_999);
/// Where a pool begins that is to be full.
const SMALL: u16 = 15_000;
/// Where the kernel serves others from while `POOL` is given from.
const ELSEWHERE: (u16, u16) = (46_000, 60_999);
const TRIES: usize = 60;
/// portserver takes most of a second for each.
const TRIES_OF_ORIGINAL: usize = 5;

/// It asks the kernel again as long as that names a port that was given within
/// the last 15 to 30 s, and `bind(0)` with SO_REUSEADDR takes from a quarter of
/// the range at first: with more it would stand still.
const MOST_OF_GET_PORT: usize = 4000;

/// It writes all of its registry anew for each, and gets slower as it gives.
const MOST_OF_PORTAUTH: usize = 500;

const ALLOCATE: &str = "allocate";
const REFUSE: &str = "refuse, full pool";

/// How much is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Amount {
    /// How many ports each client asks for in a round; fewer where the limit of
    /// open files is too low for so many leases.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    each: usize,
    /// How many clients ask at once, besides one alone.
    #[arg(long, value_name = "N", default_value_t = 16)]
    clients: usize,
    /// How many ports a pool has that is filled, to see how it refuses.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    full: u16,
}

#[derive(Debug, Clone, Copy)]
enum Who {
    Nothing,
    Picker,
    Http,
    Portserver,
    GetPort,
    PortAuth,
    Bind,
}

const ALL: [Who; 7] =
    [Who::Nothing, Who::Picker, Who::Http, Who::Portserver, Who::GetPort, Who::PortAuth, Who::Bind];

impl Who {
    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "the ceiling: answers, and does nothing",
            Self::Picker => "portlease, portpicker's protocol",
            Self::Http => "portlease, POST /v1/leases",
            Self::Portserver => "portserver",
            Self::GetPort => "get-port",
            Self::PortAuth => "portauth",
            Self::Bind => "bind(0), no arbiter",
        }
    }
}

/// What a contender did.
struct Done {
    seconds: f64,
    latency: Histogram<u64>,
    ports: Vec<u16>,
}

pub(crate) fn measure(peers: &Peers, amount: &Amount) -> Result<Section> {
    let Amount { each, clients: most, full } = *amount;
    // All of them are there at once.
    let each = each.min(machine::most_leases()? / most);
    let mut section = Section {
        about: format!(
            "1 and {most} clients, {each} ports each, from a pool of {}; whom they are given to lives until the end. \
             All are on one processor. \
             get-port is asked for {MOST_OF_GET_PORT} at most, portauth for {MOST_OF_PORTAUTH}, for that many projects: it \
             gives ports to names alone, as `portlease get` does, and writes its whole registry anew for each. It is left \
             out where several ask at once, as it answers one connection after the other and lets five wait: what shows is \
             when the kernel knocks again, a second later. So it is with a full pool ({full} ports), which takes it too long to fill. \
             {} rounds.",
            POOL.1 - POOL.0 + 1,
            peers.rounds
        ),
        skipped: skipped(peers),
        ..Section::new("Ports for tests")
    };
    let holders = servers::holders(most)?;
    for round in 0..peers.rounds {
        for clients in [1, most] {
            for who in rotated(ALL.len(), round).map(|index| ALL[index]) {
                let each = match who {
                    Who::PortAuth if clients > 1 => continue,
                    Who::PortAuth => each.min(MOST_OF_PORTAUTH),
                    Who::GetPort => each.min(MOST_OF_GET_PORT / clients),
                    Who::Nothing | Who::Picker | Who::Http | Who::Portserver | Who::Bind => each,
                };
                let Some(done) = allocate(peers, who, clients, each, &holders)? else { continue };
                add(&mut section, &way(clients), who, done);
            }
        }
        refuse(peers, full, &mut section, &holders)?;
        output::note(&format!("round {} of {}", round + 1, peers.rounds));
    }
    goals(&mut section, most);
    section.draw_rows(
        "allocations",
        "Ports for tests, 1 client",
        "ports per second",
        (ALLOCATE, &way(1)),
        |row| &row.per_second,
    );
    Ok(section)
}

fn way(clients: usize) -> String {
    if clients == 1 { "1 client".to_owned() } else { format!("{clients} clients") }
}

fn skipped(peers: &Peers) -> Vec<String> {
    let left_out = [
        ("portserver", peers.portserver.is_none()),
        ("get-port", peers.get_port.is_none()),
        ("portauth", peers.portauth.is_none()),
    ];
    left_out
        .iter()
        .filter(|(_, out)| *out)
        .map(|(name, _)| format!("{name}, which is not installed"))
        .collect()
}

fn add(section: &mut Section, way: &str, who: Who, done: Done) {
    let distinct = done.ports.iter().collect::<HashSet<_>>().len();
    let row = section.row_mut(ALLOCATE, way, who.name());
    row.p50.push(count(done.latency.value_at_percentile(50.0)) / 1e3);
    row.p99.push(count(done.latency.value_at_percentile(99.0)) / 1e3);
    row.per_second.push(count(done.ports.len() as u64) / done.seconds);
    // The ceiling has but one.
    if !matches!(who, Who::Nothing) {
        row.duplicates.get_or_insert_default().push(count((done.ports.len() - distinct) as u64));
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn count(number: u64) -> f64 {
    number as f64
}

/// None when that peer is not there.
fn allocate(
    peers: &Peers,
    who: Who,
    clients: usize,
    each: usize,
    holders: &[Running],
) -> Result<Option<Done>> {
    let (first, last) = POOL;
    let pool = format!("{first}-{last}");
    // Those that leave the choice to the kernel get it from the same ports.
    let (first, last) = if matches!(who, Who::GetPort | Who::Bind) { POOL } else { ELSEWHERE };
    machine::set_ephemeral(first, last)?;
    let done = match who {
        Who::Nothing => pick(&PortServer::nothing()?, clients, each, holders)?,
        Who::Picker => pick(&PortServer::ours(peers, &pool)?, clients, each, holders)?,
        Who::Http => post(&Daemon::start(peers, &pool)?, clients, each, holders)?,
        Who::Portserver => match &peers.portserver {
            Some(script) => pick(&PortServer::original(script, &pool)?, clients, each, holders)?,
            None => return Ok(None),
        },
        Who::GetPort => match &peers.get_port {
            Some(module) => get_port(module, clients, each)?,
            None => return Ok(None),
        },
        Who::PortAuth => match &peers.portauth {
            Some(programs) => named(&PortAuth::start(programs, POOL)?, each)?,
            None => return Ok(None),
        },
        Who::Bind => bind(clients, each)?,
    };
    if done.ports.len() != clients * each {
        bail!("{} gave {} of {} ports", who.name(), done.ports.len(), clients * each);
    }
    Ok(Some(done))
}

/// By portpicker's protocol.
fn pick(server: &PortServer, clients: usize, each: usize, holders: &[Running]) -> Result<Done> {
    let _seats = Seats::take([server.pid()])?;
    let requests: Vec<Vec<u8>> =
        holders.iter().map(|holder| format!("{}\n", holder.pid()).into_bytes()).collect();
    let load = load::run(&picking(&server.place, &requests, clients, clients * each))?;
    // A refusal is an empty answer.
    let ports =
        load.bodies.iter().filter(|body| !body.is_empty()).map(|body| number(body)).collect::<Result<_>>()?;
    Ok(Done { seconds: load.seconds, latency: load.latency, ports })
}

fn picking<'a>(place: &'a Place, requests: &'a [Vec<u8>], clients: usize, count: usize) -> Plan<'a> {
    let framing = Framing::UntilEnd;
    Plan { place, framing, requests, count, clients, keep_alive: false, pace: Pace::Closed, status: 200 }
}

fn number(body: &[u8]) -> Result<u16> {
    let text = String::from_utf8_lossy(body);
    text.trim_end().parse().with_context(|| format!("{text:?} is no port"))
}

/// Over the API.
fn post(daemon: &Daemon, clients: usize, each: usize, holders: &[Running]) -> Result<Done> {
    let _seats = Seats::take([daemon.pid()])?;
    let requests = anonymous(&daemon.unix, holders);
    let load = load::run(&posting(&daemon.unix, &requests, clients, clients * each, 201))?;
    let ports = load.bodies.iter().map(|body| leased(body)).collect::<Result<_>>()?;
    Ok(Done { seconds: load.seconds, latency: load.latency, ports })
}

fn anonymous(place: &Place, holders: &[Running]) -> Vec<Vec<u8>> {
    let body = |holder: &Running| format!("{{\"owner_pid\":{}}}", holder.pid());
    holders.iter().map(|holder| wire::http(place, "POST", "/v1/leases", Some(&body(holder)), true)).collect()
}

fn posting<'a>(
    place: &'a Place,
    requests: &'a [Vec<u8>],
    clients: usize,
    count: usize,
    status: u16,
) -> Plan<'a> {
    let framing = Framing::Http;
    Plan { place, framing, requests, count, clients, keep_alive: true, pace: Pace::Closed, status }
}

fn leased(body: &[u8]) -> Result<u16> {
    let answer: serde_json::Value = serde_json::from_slice(body)?;
    let port = answer["leases"][0]["port"].as_u64().context("a lease without a port")?;
    Ok(u16::try_from(port)?)
}

#[derive(Deserialize)]
struct Said {
    seconds: f64,
    ports: Vec<u16>,
    microseconds: Vec<f64>,
}

fn get_port(module: &Path, clients: usize, each: usize) -> Result<Done> {
    let _seats = Seats::take([])?;
    let mut node = Command::new("node");
    node.args(["--input-type=module", "--eval", include_str!("get-port.mjs"), "--"]);
    let module = std::path::absolute(module)?;
    let output = node.arg(module).arg(clients.to_string()).arg(each.to_string()).output().context("node")?;
    if !output.status.success() {
        bail!("get-port: {}", String::from_utf8_lossy(&output.stderr));
    }
    let Said { seconds, ports, microseconds } = serde_json::from_slice(&output.stdout)?;
    let mut latency = load::histogram()?;
    for microseconds in microseconds {
        latency.saturating_record(u64::try_from(
            std::time::Duration::from_secs_f64(microseconds / 1e6).as_nanos(),
        )?);
    }
    Ok(Done { seconds, latency, ports })
}

/// By portauth, for a project each.
fn named(server: &PortAuth, each: usize) -> Result<Done> {
    let _seats = Seats::take([server.pid()])?;
    let projects: Vec<String> = (0..each).map(|index| format!("new-{index}")).collect();
    let load = server.request(&projects, each)?;
    let ports = load.bodies.iter().map(|body| portauth::port(body)).collect::<Result<_>>()?;
    Ok(Done { seconds: load.seconds, latency: load.latency, ports })
}

/// The floor: what the kernel says is free now, and nobody remembers.
fn bind(clients: usize, each: usize) -> Result<Done> {
    let _seats = Seats::take([])?;
    let begun = clock::now();
    let parts: Vec<Result<(Vec<u16>, Histogram<u64>)>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..clients).map(|_| scope.spawn(move || bind_each(each))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("a thread ended"))).collect()
    });
    let seconds = clock::now().duration_since(begun).as_secs_f64();
    let (mut ports, mut latency) = (Vec::new(), load::histogram()?);
    for part in parts {
        let (part, histogram) = part?;
        ports.extend(part);
        latency.add(histogram)?;
    }
    Ok(Done { seconds, latency, ports })
}

fn bind_each(each: usize) -> Result<(Vec<u16>, Histogram<u64>)> {
    let (mut ports, mut latency) = (Vec::with_capacity(each), load::histogram()?);
    for _ in 0..each {
        let begun = clock::now();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        latency.saturating_record(u64::try_from(clock::now().duration_since(begun).as_nanos())?);
        ports.push(port);
    }
    Ok((ports, latency))
}

/// How long a "no" takes when all ports are given.
fn refuse(peers: &Peers, full: u16, section: &mut Section, holders: &[Running]) -> Result<()> {
    machine::set_ephemeral(ELSEWHERE.0, ELSEWHERE.1)?;
    let small = &format!("{SMALL}-{}", SMALL + full - 1);
    let ours = PortServer::ours(peers, small)?;
    let load = fill(&ours, holders, TRIES)?;
    refused(section, Who::Picker, &load);
    drop(ours);
    let daemon = Daemon::start(peers, small)?;
    let seats = Seats::take([daemon.pid()])?;
    let requests = anonymous(&daemon.unix, holders);
    while load::run(&posting(&daemon.unix, &requests, 1, 1, 201)).is_ok() {
        // All that fit at once, then one by one.
        let _full = load::run(&posting(&daemon.unix, &requests, 1, 10_000, 201));
    }
    // Full, or as many as those without a name may have: which comes first goes by the pool.
    let refusing = |status| load::run(&posting(&daemon.unix, &requests, 1, TRIES, status));
    refused(section, Who::Http, &refusing(409).or_else(|_| refusing(429))?);
    drop(seats);
    drop(daemon);
    if let Some(script) = &peers.portserver {
        let theirs = PortServer::original(script, small)?;
        refused(section, Who::Portserver, &fill(&theirs, holders, TRIES_OF_ORIGINAL)?);
    }
    Ok(())
}

/// Asks until there is nothing left, and then so many times more.
fn fill(server: &PortServer, holders: &[Running], tries: usize) -> Result<Load> {
    let (_seats, place) = (Seats::take([server.pid()])?, &server.place);
    let requests: Vec<Vec<u8>> =
        holders.iter().map(|holder| format!("{}\n", holder.pid()).into_bytes()).collect();
    while !load::run(&picking(place, &requests, 1, 1))?.bodies.concat().is_empty() {
        for _ in 0..100 {
            if load::run(&picking(place, &requests, 1, 100))?.bodies.iter().any(Vec::is_empty) {
                break;
            }
        }
    }
    let load = load::run(&picking(place, &requests, 1, tries))?;
    if load.bodies.iter().any(|body| !body.is_empty()) {
        bail!("a full pool gave a port");
    }
    Ok(load)
}

fn refused(section: &mut Section, who: Who, load: &Load) {
    let row = section.row_mut(REFUSE, &way(1), who.name());
    row.p50.push(load.microseconds(50.0));
    row.p99.push(load.microseconds(99.0));
    row.per_second.push(load.per_second());
}

fn goals(section: &mut Section, most: usize) {
    let mut goals = Vec::new();
    for clients in [1, most] {
        let way = way(clients);
        let rate = |who: Who| section.row(ALLOCATE, &way, who.name()).map(|row| row.per_second.clone());
        for ours in [Who::Picker, Who::Http] {
            for (theirs, times) in [(Who::Portserver, 10.0), (Who::GetPort, 3.0)] {
                if let (Some(mine), Some(other)) = (rate(ours), rate(theirs)) {
                    let what = format!("{} against {}, {way}, ports per second", ours.name(), theirs.name());
                    goals.push(Goal::new(what, Bound::AtLeast(times), " ×", mine.over(&other)));
                }
            }
            let duplicates = section.row(ALLOCATE, &way, ours.name()).and_then(|row| row.duplicates.clone());
            let what = format!("{}, {way}, ports given twice", ours.name());
            goals.push(Goal::new(what, Bound::AtMost(0.0), "", duplicates.unwrap_or_default()));
        }
    }
    for ours in [Who::Picker, Who::Http] {
        let slow = section.row(REFUSE, &way(1), ours.name()).map(|row| row.p99.clone()).unwrap_or_default();
        let what = format!("{}, a refusal on a full pool, p99", ours.name());
        goals.push(Goal::new(what, Bound::AtMost(10_000.0), " µs", slow));
    }
    section.goals = goals;
}

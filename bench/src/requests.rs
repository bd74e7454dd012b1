//! What the API is asked, beside hyper alone: every round runs the ceiling and
//! all operations over one way in, one after the other.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result};

use crate::{
    load::{self, Load, Pace, Plan},
    machine, output,
    peers::{Peers, rotated},
    place::Place,
    portauth::{self, PortAuth},
    report::{Bound, Goal, Plot, Section},
    series::Series,
    servers::{Daemon, Hello},
    wire::{self, Framing},
};

/// Room for all that is leased at once, below where the kernel gives ports.
const POOL: &str = "10000-31999";
const POOL_OF_PORTAUTH: (u16, u16) = (5000, 7999);
/// The one that is there, and those that make the list long.
const EXISTING: &str = "/v1/leases/existing/web";
const LISTED: usize = 1000;
/// Services in a batch.
const BATCH: usize = 16;

const HELLO: &str = "hyper, hello";
const OURS: &str = "portlease";
const THEIRS: &str = "portauth";

const GET: &str = "get, existing lease";
const GRANT: &str = "get, new lease";
const RELEASE: &str = "release";
const GET_BATCH: &str = "get, 16 new leases at once";
const LIST: &str = "list, 1,000 leases";
const FREE: &str = "port, free";
const KNOWN: &str = "port, holder known";
const UNKNOWN: &str = "port, holder not known";
/// The ceiling's row beside each of these.
const CEILING: &str = "the ceiling";

/// How much is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Amount {
    /// How many requests a client alone sends in a round, of what is quick.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    each: usize,
    /// How many clients ask at once, besides one alone.
    #[arg(long, value_name = "N", default_value_t = 16)]
    clients: usize,
    /// Requests per second where they come at a fixed rate.
    #[arg(long, value_name = "N", default_value_t = 5000.0)]
    rate: f64,
}

/// A way in: over what, by how many, and whether connections stay.
#[derive(Debug, Clone, Copy)]
struct Lane {
    tcp: bool,
    clients: usize,
    keep_alive: bool,
    pace: Pace,
}

impl Lane {
    fn all(amount: &Amount) -> Vec<Self> {
        let lane = |tcp, clients, keep_alive| Self { tcp, clients, keep_alive, pace: Pace::Closed };
        let mut all = Vec::new();
        for tcp in [false, true] {
            all.push(lane(tcp, 1, true));
            all.push(lane(tcp, amount.clients, true));
            all.push(lane(tcp, 1, false));
            all.push(Self { pace: Pace::PerSecond(amount.rate), ..lane(tcp, amount.clients, true) });
        }
        all
    }

    /// The column of the table.
    fn name(self, place: &Place) -> String {
        let by = if self.clients == 1 { "1 client".to_owned() } else { format!("{} clients", self.clients) };
        let connections = if self.keep_alive { "" } else { ", a connection each" };
        let pace = match self.pace {
            Pace::Closed => String::new(),
            Pace::PerSecond(rate) => format!(", at {rate} per second"),
        };
        format!("{}, {by}{connections}{pace}", place.way())
    }

    /// What is asked besides the existing lease.
    fn is_for_all(self) -> bool {
        self.pace == Pace::Closed && self.keep_alive && !self.tcp
    }
}

/// The servers, as they stand during all rounds.
struct Stand {
    hello: Hello,
    daemon: Daemon,
    portauth: Option<PortAuth>,
    each: usize,
    /// Held by this process for the look-ups.
    held: TcpListener,
    free: u16,
}

impl Stand {
    fn build(peers: &Peers, amount: &Amount) -> Result<Self> {
        let (hello, daemon) = (Hello::start()?, Daemon::start(peers, POOL)?);
        let portauth = match &peers.portauth {
            Some(programs) => Some(PortAuth::start(programs, POOL_OF_PORTAUTH)?),
            None => None,
        };
        let unix = daemon.unix.clone();
        let put = |path: &str| wire::http(&unix, "PUT", path, Some("{}"), true);
        let mut leases: Vec<Vec<u8>> =
            (1..LISTED).map(|index| put(&format!("/v1/leases/listed-{index}/web"))).collect();
        leases.push(put(EXISTING));
        let granted = ask(&unix, &leases, 1, 201, LISTED)?;
        let lease: serde_json::Value = serde_json::from_slice(granted.bodies.last().context("no lease")?)?;
        let free = u16::try_from(lease["port"].as_u64().context("a lease without a port")?)? + 1;
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        Ok(Self { hello, daemon, portauth, each: amount.each, held, free })
    }

    fn ours(&self, lane: Lane) -> &Place {
        if lane.tcp { &self.daemon.tcp } else { &self.daemon.unix }
    }

    fn ceiling(&self, lane: Lane) -> &Place {
        if lane.tcp { &self.hello.tcp } else { &self.hello.unix }
    }
}

pub(crate) fn measure(peers: &Peers, amount: &Amount) -> Result<Section> {
    machine::most_leases()?;
    let mut section = Section {
        about: format!(
            "Requests over raw sockets, {} in a round by one client, four times as many by {}; hyper gets the same \
             bytes. The registry has {LISTED} leases and is on a disk. {} rounds.",
            amount.each, amount.clients, peers.rounds
        ),
        skipped: match &peers.portauth {
            Some(_) => Vec::new(),
            None => vec!["portauth, which is not installed".to_owned()],
        },
        ..Section::new("The API")
    };
    let stand = Stand::build(peers, amount)?;
    let lanes = Lane::all(amount);
    for round in 0..peers.rounds {
        for lane in rotated(lanes.len(), round).map(|index| lanes[index]) {
            run(&stand, lane, round, &mut section).with_context(|| lane.name(stand.ours(lane)))?;
        }
        output::note(&format!("round {} of {}", round + 1, peers.rounds));
    }
    goals(&mut section, &stand, amount);
    draw(&mut section, &stand.daemon.unix);
    Ok(section)
}

type Operation = fn(&Stand, Lane, &mut Section) -> Result<()>;

/// One round over one way in.
fn run(stand: &Stand, lane: Lane, round: usize, section: &mut Section) -> Result<()> {
    let mut operations: Vec<Operation> = vec![ceiling, get];
    if lane.is_for_all() {
        operations.extend([grant_and_release as Operation]);
    }
    if lane.is_for_all() && lane.clients == 1 {
        operations.extend([batch as Operation, list, free, known, unknown]);
    }
    // It ends the connection after each answer, and several at once it lets wait.
    if lane.tcp && !lane.keep_alive {
        operations.push(theirs);
    }
    for index in rotated(operations.len(), round) {
        operations[index](stand, lane, section)?;
    }
    Ok(())
}

fn ceiling(stand: &Stand, lane: Lane, section: &mut Section) -> Result<()> {
    let place = stand.ceiling(lane);
    let requests = [wire::http(place, "PUT", EXISTING, Some("{}"), lane.keep_alive)];
    let load = in_lane(stand, lane, place, &requests)?;
    keep(section, CEILING, lane, place, HELLO, &load);
    Ok(())
}

fn get(stand: &Stand, lane: Lane, section: &mut Section) -> Result<()> {
    let place = stand.ours(lane);
    let requests = [wire::http(place, "PUT", EXISTING, Some("{}"), lane.keep_alive)];
    let load = in_lane(stand, lane, place, &requests)?;
    keep(section, GET, lane, place, OURS, &load);
    Ok(())
}

/// The same of portauth, if it is there.
fn theirs(stand: &Stand, lane: Lane, section: &mut Section) -> Result<()> {
    let Some(portauth) = &stand.portauth else { return Ok(()) };
    let project = ["existing".to_owned()];
    portauth::port(portauth.request(&project, 1)?.bodies.first().context("no answer")?)?;
    let load = portauth.request(&project, stand.each)?;
    keep(section, GET, lane, &portauth.place, THEIRS, &load);
    Ok(())
}

/// New leases, and their end. The names are those of the round before, so that
/// cooling ports are in nobody's way.
fn grant_and_release(stand: &Stand, lane: Lane, section: &mut Section) -> Result<()> {
    let place = stand.ours(lane);
    let count = stand.each / 2 * if lane.clients == 1 { 1 } else { 4 };
    let all = |method, body: Option<&str>| -> Vec<Vec<u8>> {
        let name = |index| format!("/v1/leases/new-{}-{index}/web", lane.clients);
        (0..count).map(|index| wire::http(place, method, &name(index), body, true)).collect()
    };
    let granted = ask(place, &all("PUT", Some("{}")), lane.clients, 201, count)?;
    keep(section, GRANT, lane, place, OURS, &granted);
    let released = ask(place, &all("DELETE", None), lane.clients, 204, count)?;
    keep(section, RELEASE, lane, place, OURS, &released);
    Ok(())
}

fn batch(stand: &Stand, lane: Lane, section: &mut Section) -> Result<()> {
    let place = stand.ours(lane);
    let count = (stand.each / 2 / BATCH).max(1);
    let services: Vec<String> = (0..BATCH).map(|service| format!("\"s{service}\":{{}}")).collect();
    let body = format!("{{\"services\":{{{}}}}}", services.join(","));
    let all = |method, kind: &str, body: Option<&str>| -> Vec<Vec<u8>> {
        let name = |index| format!("/v1/{kind}/batch-{index}");
        (0..count).map(|index| wire::http(place, method, &name(index), body, true)).collect()
    };
    let granted = ask(place, &all("PUT", "projects", Some(&body)), 1, 201, count)?;
    keep(section, GET_BATCH, lane, place, OURS, &granted);
    ask(place, &all("DELETE", "leases", None), 1, 204, count)?;
    Ok(())
}

fn list(stand: &Stand, lane: Lane, section: &mut Section) -> Result<()> {
    let place = stand.ours(lane);
    let requests = [wire::http(place, "GET", "/v1/leases", None, true)];
    let load = ask(place, &requests, 1, 200, (stand.each / 100).max(1))?;
    keep(section, LIST, lane, place, OURS, &load);
    Ok(())
}

fn free(stand: &Stand, lane: Lane, section: &mut Section) -> Result<()> {
    look_up(stand, lane, section, FREE, stand.free)
}

fn known(stand: &Stand, lane: Lane, section: &mut Section) -> Result<()> {
    look_up(stand, lane, section, KNOWN, stand.held.local_addr()?.port())
}

fn look_up(stand: &Stand, lane: Lane, section: &mut Section, what: &str, port: u16) -> Result<()> {
    let place = stand.ours(lane);
    let requests = [wire::http(place, "GET", &format!("/v1/ports/{port}"), None, true)];
    // Whose it is, is known from then on.
    let first = ask(place, &requests, 1, 200, 1)?;
    let report: serde_json::Value = serde_json::from_slice(first.bodies.first().context("no answer")?)?;
    anyhow::ensure!(report["free"] == (what == FREE), "port {port}: {report}");
    let load = ask(place, &requests, 1, 200, stand.each)?;
    keep(section, what, lane, place, OURS, &load);
    Ok(())
}

/// A listener that nobody has asked for yet, each time.
fn unknown(stand: &Stand, lane: Lane, section: &mut Section) -> Result<()> {
    let place = stand.ours(lane);
    let mut all = load::histogram()?;
    let mut seconds = 0.0;
    for _ in 0..(stand.each / 100).max(1) {
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let path = format!("/v1/ports/{}", held.local_addr()?.port());
        let load = ask(place, &[wire::http(place, "GET", &path, None, true)], 1, 200, 1)?;
        all.add(&load.latency)?;
        seconds += load.seconds;
    }
    keep(section, UNKNOWN, lane, place, OURS, &Load { seconds, latency: all, bodies: Vec::new() });
    Ok(())
}

fn in_lane(stand: &Stand, lane: Lane, place: &Place, requests: &[Vec<u8>]) -> Result<Load> {
    let Lane { clients, keep_alive, pace, .. } = lane;
    let count = stand.each * if clients == 1 { 1 } else { 4 };
    load::run(&Plan {
        place,
        framing: Framing::Http,
        requests,
        count,
        clients,
        keep_alive,
        pace,
        status: 200,
    })
}

pub(crate) fn ask(
    place: &Place,
    requests: &[Vec<u8>],
    clients: usize,
    status: u16,
    count: usize,
) -> Result<Load> {
    let framing = Framing::Http;
    load::run(&Plan {
        place,
        framing,
        requests,
        count,
        clients,
        keep_alive: true,
        pace: Pace::Closed,
        status,
    })
}

fn keep(section: &mut Section, what: &str, lane: Lane, place: &Place, who: &str, load: &Load) {
    let row = section.row_mut(what, &lane.name(place), who);
    row.p50.push(load.microseconds(50.0));
    row.p99.push(load.microseconds(99.0));
    row.per_second.push(load.per_second());
}

/// Bars of all that one client asks over the Unix socket.
fn draw(section: &mut Section, unix: &Place) {
    let lane = Lane { tcp: false, clients: 1, keep_alive: true, pace: Pace::Closed };
    let mut plot = Plot::new("requests", &format!("The API, {}", lane.name(unix)));
    plot.x = "p50, µs".to_owned();
    let rows = section.rows.iter().filter(|row| row.way == lane.name(unix));
    plot.bars = rows.map(|row| (format!("{}: {}", row.who, row.what), row.p50.median())).collect();
    section.plots.push(plot);
}

/// The numbers to reach, each against the ceiling of the same way in.
fn goals(section: &mut Section, stand: &Stand, amount: &Amount) {
    let mut goals = Vec::new();
    for lane in Lane::all(amount).into_iter().filter(|lane| lane.pace == Pace::Closed && lane.keep_alive) {
        let way = lane.name(stand.ours(lane));
        let (Some(hello), Some(get)) = (section.row(CEILING, &way, HELLO), section.row(GET, &way, OURS))
        else {
            continue;
        };
        goals.push(Goal::new(
            format!("{GET}, {way}: p50 over hyper's"),
            Bound::AtMost(1.3),
            " ×",
            get.p50.over(&hello.p50),
        ));
        let rates = get.per_second.over(&hello.per_second);
        goals.push(Goal::new(
            format!("{GET}, {way}: per second over hyper's"),
            Bound::AtLeast(0.75),
            " ×",
            rates,
        ));
    }
    let lane = |clients| Lane { tcp: false, clients, keep_alive: true, pace: Pace::Closed };
    let one = lane(1).name(&stand.daemon.unix);
    for (what, most) in [(GRANT, 60.0), (FREE, 20.0), (KNOWN, 80.0)] {
        let more = match (section.row(what, &one, OURS), section.row(CEILING, &one, HELLO)) {
            (Some(row), Some(hello)) => row.p50.less(&hello.p50),
            _ => Series::default(),
        };
        goals.push(Goal::new(format!("{what}, {one}: p50 less hyper's"), Bound::AtMost(most), " µs", more));
    }
    let many = lane(amount.clients).name(&stand.daemon.unix);
    let grants = section.row(GRANT, &many, OURS).map(|row| row.per_second.clone()).unwrap_or_default();
    goals.push(Goal::new(format!("{GRANT}, {many}: per second"), Bound::AtLeast(10_000.0), "", grants));
    section.goals = goals;
}

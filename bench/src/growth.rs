//! What operations cost as the machine fills: with leases, with sockets, with
//! processes. Ratios are those to the smallest size of the same round.

use std::{
    net::{Ipv4Addr, TcpListener},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{
    clock, crowd, load, machine, output,
    peers::{Peers, rotated},
    place::Place,
    questions::Questions,
    report::{Bound, Goal, Line, Plot, Section, Table, digits, thousands},
    requests::ask,
    seats::Seats,
    series::Series,
    servers::{self, Daemon, Running},
    wire,
};

const POOL: &str = "10000-31999";
/// Where the kernel gives ports from, beside the pool.
const EPHEMERAL: (u16, u16) = (32_768, 60_999);
const GET: &str = "get, existing lease";
const GRANT: &str = "get, new lease";
const RELEASE: &str = "release";
const GET_BATCH: &str = "get, 16 new leases at once";
const LIST: &str = "list, all leases";
const FREE: &str = "port, free";
const KNOWN: &str = "port, holder known";
const UNKNOWN: &str = "port, holder not known";
const COLD: &str = "`portlease get`, cold process";
const ALL: [&str; 9] = [GET, GRANT, RELEASE, GET_BATCH, LIST, FREE, KNOWN, UNKNOWN, COLD];
/// Until what the kernel tells of many sockets that came or went is read.
const SETTLED: Duration = Duration::from_millis(300);

/// How much is measured, and at which sizes.
#[derive(Debug, clap::Args)]
pub(crate) struct Amount {
    /// How many requests in a round at each size, of what is quick.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    each: usize,
    /// Leases in the registry.
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [10, 1000, 9000])]
    leases: Vec<usize>,
    /// Sockets in the network namespace, besides those of the daemon.
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [20, 1000, 10_000, 50_000])]
    sockets: Vec<usize>,
    /// Processes, besides those of the machine.
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [100, 2000])]
    processes: Vec<usize>,
}

/// Of what there is more and more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Axis {
    Leases,
    Sockets,
    Processes,
}

impl Axis {
    fn name(self) -> &'static str {
        match self {
            Self::Leases => "leases",
            Self::Sockets => "sockets",
            Self::Processes => "processes",
        }
    }
}

/// Microseconds of one operation at one size, the middle of each round.
struct Cell {
    axis: Axis,
    size: usize,
    what: &'static str,
    p50: Series,
}

struct Run<'a> {
    peers: &'a Peers,
    each: usize,
    cells: Vec<Cell>,
}

pub(crate) fn measure(peers: &Peers, amount: &Amount) -> Result<Section> {
    machine::most_leases()?;
    machine::set_ephemeral(EPHEMERAL.0, EPHEMERAL.1)?;
    let mut section = Section::new("As it grows");
    let daemons: Vec<Daemon> =
        amount.leases.iter().map(|leases| filled(peers, *leases)).collect::<Result<_>>()?;
    let smallest = daemons.first().context("no number of leases")?;
    let mut run = Run { peers, each: amount.each, cells: Vec::new() };
    for round in 0..peers.rounds {
        for index in rotated(daemons.len(), round) {
            run.at(Axis::Leases, amount.leases[index], &daemons[index])?;
        }
        let up = round % 2 == 0;
        run.crowded(Axis::Sockets, &amount.sockets, up, smallest, crowd::gather)?;
        run.crowded(Axis::Processes, &amount.processes, up, smallest, servers::holders)?;
        output::note(&format!("round {} of {}", round + 1, peers.rounds));
    }
    section.about = format!(
        "p50 in µs over the Unix socket with keep-alive, one client on one processor with the daemon, {} requests of what is \
         quick in a round; in brackets over the smallest size. Sockets (a tenth listens, a tenth is bound for UDP, the others are connected) and processes \
         are there beside {} leases; they come in even rounds and go in odd ones. {} rounds.",
        amount.each, amount.leases[0], peers.rounds
    );
    for (axis, sizes) in [
        (Axis::Leases, &amount.leases),
        (Axis::Sockets, &amount.sockets),
        (Axis::Processes, &amount.processes),
    ] {
        run.tell(axis, sizes, &mut section);
    }
    Ok(section)
}

/// A daemon that has so many leases.
pub(crate) fn filled(peers: &Peers, leases: usize) -> Result<Daemon> {
    output::note(&format!("a registry with {leases} leases"));
    let daemon = Daemon::start(peers, POOL)?;
    fill(&daemon, 0, leases)?;
    Ok(daemon)
}

/// Leases from one number to another, the first of them of `existing`.
pub(crate) fn fill(daemon: &Daemon, from: usize, to: usize) -> Result<()> {
    let name = |index| if index == 0 { "existing".to_owned() } else { format!("listed-{index}") };
    let put =
        |index| wire::http(&daemon.unix, "PUT", &format!("/v1/leases/{}/web", name(index)), Some("{}"), true);
    let leases: Vec<Vec<u8>> = (from..to).map(put).collect();
    if !leases.is_empty() {
        ask(&daemon.unix, &leases, 16.min(leases.len()), 201, leases.len())?;
    }
    Ok(())
}

impl Run<'_> {
    /// All operations at each size, the crowd growing or shrinking.
    fn crowded(
        &mut self,
        axis: Axis,
        sizes: &[usize],
        up: bool,
        daemon: &Daemon,
        gather: fn(usize) -> Result<Vec<Running>>,
    ) -> Result<()> {
        let mut crowds: Vec<Vec<Running>> = Vec::new();
        let mut there = 0;
        for size in sizes {
            crowds.push(gather(size.saturating_sub(there))?);
            there = *size;
            if up {
                self.at(axis, *size, daemon)?;
            }
        }
        for size in sizes.iter().rev() {
            if !up {
                self.at(axis, *size, daemon)?;
            }
            crowds.pop();
        }
        Ok(())
    }

    /// All operations, now.
    fn at(&mut self, axis: Axis, size: usize, daemon: &Daemon) -> Result<()> {
        output::note(&format!("{} {}", thousands(size), axis.name()));
        clock::pause(SETTLED);
        let _seats = Seats::take([daemon.pid()])?;
        let lasting = |what| format!("{what} at {size} {}", axis.name());
        let count = (self.each / 4).max(1);
        let [granted, released] =
            grant_and_release(&daemon.unix, count).with_context(|| lasting("new leases"))?;
        self.cell(axis, size, GRANT).push(granted);
        self.cell(axis, size, RELEASE).push(released);
        for what in ALL.into_iter().filter(|what| ![GRANT, RELEASE].contains(what)) {
            let p50 = self.operation(what, daemon).with_context(|| lasting(what))?;
            self.cell(axis, size, what).push(p50);
        }
        Ok(())
    }

    fn cell(&mut self, axis: Axis, size: usize, what: &'static str) -> &mut Series {
        let is_it = |cell: &Cell| cell.axis == axis && cell.size == size && cell.what == what;
        let index = self.cells.iter().position(is_it).unwrap_or_else(|| {
            self.cells.push(Cell { axis, size, what, p50: Series::default() });
            self.cells.len() - 1
        });
        &mut self.cells[index].p50
    }

    /// The middle of some times of it, in microseconds.
    fn operation(&self, what: &str, daemon: &Daemon) -> Result<f64> {
        let (place, few) = (&daemon.unix, (self.each / 20).max(1));
        let put = wire::http(place, "PUT", "/v1/leases/existing/web", Some("{}"), true);
        match what {
            GET => p50(place, &[put], 200, self.each),
            GET_BATCH => batch(place, few),
            LIST => p50(place, &[wire::http(place, "GET", "/v1/leases", None, true)], 200, (few / 5).max(1)),
            FREE => p50(place, &[wire::http(place, "GET", "/v1/ports/9999", None, true)], 200, self.each),
            KNOWN => {
                let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
                p50(place, &[look_up(place, &held)?], 200, few)
            }
            UNKNOWN => {
                let held: Vec<TcpListener> = (0..(few / 5).max(1))
                    .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
                    .collect::<Result<_, _>>()?;
                let requests = held.iter().map(|held| look_up(place, held)).collect::<Result<Vec<_>>>()?;
                Ok(ask(place, &requests, 1, 200, requests.len())?.microseconds(50.0))
            }
            _ => cold(self.peers, daemon, (few / 2).max(1)),
        }
    }

    /// The table, the plot and the goals of an axis.
    fn tell(&self, axis: Axis, sizes: &[usize], section: &mut Section) {
        let series = |what, size| {
            let is_it = |cell: &&Cell| cell.axis == axis && cell.size == size && cell.what == what;
            self.cells.iter().find(is_it).map(|cell| cell.p50.clone()).unwrap_or_default()
        };
        let (least, most) = (sizes[0], sizes[sizes.len() - 1]);
        let mut table = Table::default();
        table.head.push("operation".to_owned());
        table.head.extend(sizes.iter().map(|size| format!("{} {}", thousands(*size), axis.name())));
        let mut plot = Plot::new(&format!("growth-{}", axis.name()), &format!("p50 as {} grow", axis.name()));
        (plot.x, plot.y) = (axis.name().to_owned(), "µs".to_owned());
        for what in ALL {
            let base = series(what, least);
            let mut row = vec![what.to_owned()];
            let mut points = Vec::new();
            for size in sizes {
                let here = series(what, *size);
                let over = here.over(&base).median();
                row.push(format!("{} ({} ×)", digits(here.median()), digits(over)));
                points.push((load::float(*size as u64), here.median()));
            }
            table.rows.push(row);
            plot.lines.push(Line { name: what.replace('`', ""), points });
        }
        section.tables.push(table);
        section.plots.push(plot);
        if axis != Axis::Processes {
            let what = format!(
                "{GRANT}, at {} {}: p50 over that at {}",
                thousands(most),
                axis.name(),
                thousands(least)
            );
            let over = series(GRANT, most).over(&series(GRANT, least));
            section.goals.push(Goal::new(what, Bound::AtMost(1.5), " ×", over));
        }
    }
}

/// After a first time, which is not measured.
fn p50(place: &Place, requests: &[Vec<u8>], status: u16, count: usize) -> Result<f64> {
    ask(place, requests, 1, status, 1)?;
    Ok(ask(place, requests, 1, status, count)?.microseconds(50.0))
}

fn look_up(place: &Place, held: &TcpListener) -> Result<Vec<u8>> {
    Ok(wire::http(place, "GET", &format!("/v1/ports/{}", held.local_addr()?.port()), None, true))
}

/// New leases, which are given back.
fn grant_and_release(place: &Place, count: usize) -> Result<[f64; 2]> {
    let questions = Questions::of_leases(place, "new", count, true);
    let granted = ask(place, &questions.get, 1, 201, count)?;
    let released = ask(place, &questions.release, 1, 204, count)?;
    Ok([granted, released].map(|load| load.microseconds(50.0)))
}

/// The same with many services of a project.
fn batch(place: &Place, count: usize) -> Result<f64> {
    let questions = Questions::of_batches(place, "batch", count, true);
    let granted = ask(place, &questions.get, 1, 201, count)?;
    ask(place, &questions.release, 1, 204, count)?;
    Ok(granted.microseconds(50.0))
}

fn cold(peers: &Peers, daemon: &Daemon, count: usize) -> Result<f64> {
    let mut latency = load::histogram()?;
    for _ in 0..count {
        let mut command = Command::new(&peers.portlease);
        command.args(["get", "--project", "existing", "web"]).env("PORTLEASE_HOME", &daemon.home);
        command.env("PORTLEASE_NO_AUTOSTART", "1").stdout(Stdio::null());
        let begun = clock::now();
        let status = command.status()?;
        latency.saturating_record(u64::try_from(clock::now().duration_since(begun).as_nanos())?);
        ensure!(status.success(), "portlease get: {status}");
    }
    Ok(load::float(latency.value_at_percentile(50.0)) / 1e3)
}

//! What the API is asked, beside hyper alone: every round runs the ceiling and
//! all operations over one way in, one after the other.

mod lane;
mod operations;
mod stand;

use anyhow::{Context, Result};

use crate::{
    load::{self, Load, Pace, Plan},
    machine, output,
    peers::{Peers, rotated},
    place::Place,
    report::{Bound, Goal, Plot, Section},
    series::Series,
    wire::Framing,
};
use lane::Lane;
use stand::Stand;

/// The one that is there, and those that make the list long.
const EXISTING: &str = "/v1/leases/existing/web";
const LISTED: usize = 1000;

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

pub(crate) fn measure(peers: &Peers, amount: &Amount) -> Result<Section> {
    machine::most_leases()?;
    let mut section = Section {
        about: format!(
            "Requests over raw sockets, {} in a round by one client, four times as many by {}; hyper gets the same \
             bytes as a get. All are on one processor. \
             The registry has {LISTED} leases and is on a disk. portauth is the one peer that can be asked the same over \
             HTTP. {} rounds.",
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

/// One round over one way in.
fn run(stand: &Stand, lane: Lane, round: usize, section: &mut Section) -> Result<()> {
    let _seats = stand.seats()?;
    let operations = operations::of(lane);
    for index in rotated(operations.len(), round) {
        operations[index](stand, lane, section)?;
    }
    Ok(())
}

/// Over connections that stay, as fast as it answers.
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
    let lane = Lane::new(false, 1, true);
    let mut plot = Plot::new("requests", &format!("The API, {}", lane.name(unix)));
    plot.x = "p50, µs".to_owned();
    let rows = section.rows.iter().filter(|row| row.way == lane.name(unix));
    plot.bars = rows.map(|row| (format!("{}: {}", row.who, row.what), row.p50.median())).collect();
    section.plots.push(plot);
}

/// The numbers to reach, each against the ceiling of the same way in.
fn goals(section: &mut Section, stand: &Stand, amount: &Amount) {
    let mut goals = Vec::new();
    for lane in Lane::all(amount).into_iter().filter(|lane| lane.is_closed() && lane.keep_alive) {
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
    let one = Lane::new(false, 1, true).name(&stand.daemon.unix);
    for (what, most) in [(GRANT, 60.0), (FREE, 20.0), (KNOWN, 80.0)] {
        let more = match (section.row(what, &one, OURS), section.row(CEILING, &one, HELLO)) {
            (Some(row), Some(hello)) => row.p50.less(&hello.p50),
            _ => Series::default(),
        };
        goals.push(Goal::new(format!("{what}, {one}: p50 less hyper's"), Bound::AtMost(most), " µs", more));
    }
    let many = Lane::new(false, amount.clients, true).name(&stand.daemon.unix);
    let grants = section.row(GRANT, &many, OURS).map(|row| row.per_second.clone()).unwrap_or_default();
    goals.push(Goal::new(format!("{GRANT}, {many}: per second"), Bound::AtLeast(10_000.0), "", grants));
    section.goals = goals;
}

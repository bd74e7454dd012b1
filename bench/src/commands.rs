//! The command line, from nothing: a process that begins, asks for a lease that
//! is there, and ends.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;

use crate::{
    clock, load, output,
    peers::{Peers, rotated},
    portauth::PortAuth,
    report::{Bound, Goal, Section},
    seats::Seats,
    servers::Daemon,
};

const POOL: &str = "10000-31999";
const WHAT: &str = "get, existing lease, cold process";
const WAY: &str = "1 process at a time";
const OURS: &str = "portlease get";
const MINIMAL: &str = "a static program, one request";
const BINDPORT: &str = "bindport port";
const PORTAUTH: &str = "port-request request (portauth)";
const TRUE: &str = "true";

/// How much is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Amount {
    /// How many processes of each in a round.
    #[arg(long, value_name = "N", default_value_t = 40)]
    each: usize,
}

/// A command that is measured.
struct Contender {
    name: &'static str,
    command: Command,
    latency: Histogram<u64>,
}

pub(crate) fn measure(peers: &Peers, amount: &Amount) -> Result<Section> {
    let daemon = Daemon::start(peers, POOL)?;
    let portauth = match &peers.portauth {
        Some(programs) => Some(PortAuth::start(programs, (5000, 7999))?),
        None => None,
    };
    let mut section = Section {
        about: format!(
            "From starting a process to its end, one of each after the other (portauth's by itself, as Python clears the processor's \
             caches), {} of each in a round, all on one processor with the servers. {} rounds.",
            amount.each, peers.rounds
        ),
        ..Section::new("The command line")
    };
    let servers = [daemon.pid()].into_iter().chain(portauth.as_ref().map(PortAuth::pid));
    let _seats = Seats::take(servers)?;
    for round in 0..peers.rounds {
        let mut all = contenders(peers, &daemon)?;
        // The first ones of all read files that nobody has read before.
        all.iter_mut().try_for_each(Contender::run)?;
        all.iter_mut().for_each(|contender| contender.latency.reset());
        for time in 0..amount.each {
            let mut order: Vec<usize> = rotated(all.len(), round + time).collect();
            // So that nobody always comes after the same one.
            if time % 2 == 1 {
                order.reverse();
            }
            order.into_iter().try_for_each(|index| all[index].run())?;
        }
        // Python leaves nothing of the others in the processor's caches, and so comes by itself.
        if let Some(portauth) = &portauth {
            let mut theirs = Contender::new(PORTAUTH, portauth.command("existing")?)?;
            (0..amount.each).try_for_each(|_| theirs.run())?;
            all.push(theirs);
        }
        all.iter().for_each(|contender| contender.keep(&mut section));
        output::note(&format!("round {} of {}", round + 1, peers.rounds));
    }
    goals(&mut section, peers);
    section.draw_rows("commands", "The command line, from start to end", "p50, µs", (WHAT, WAY), |row| {
        &row.p50
    });
    Ok(section)
}

fn contenders(peers: &Peers, daemon: &Daemon) -> Result<Vec<Contender>> {
    let mut all = vec![Contender::new(TRUE, Command::new("true"))?];
    let mut ours = Command::new(&peers.portlease);
    ours.args(["get", "--project", "existing", "web"]).env("PORTLEASE_HOME", &daemon.home);
    ours.env("PORTLEASE_NO_AUTOSTART", "1");
    all.push(Contender::new(OURS, ours)?);
    if let Some(minimal) = &peers.minimal {
        let mut command = Command::new(minimal);
        command.arg(daemon.home.join("run/portlease.sock")).arg("/v1/leases/existing/web");
        all.push(Contender::new(MINIMAL, command)?);
    }
    if let Some(bindport) = &peers.bindport {
        all.push(Contender::new(BINDPORT, self::bindport(bindport, &daemon.home)?)?);
    }
    Ok(all)
}

/// The same question, of a port that is reserved in a registry of its own.
fn bindport(path: &Path, home: &Path) -> Result<Command> {
    let path = std::path::absolute(path)?;
    let bindport = |words: [&str; 2]| {
        let mut command = Command::new(&path);
        command.args(words).current_dir(home).env("HOME", home);
        ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"].iter().for_each(|name| {
            command.env_remove(name);
        });
        command
    };
    let reserved = bindport(["reserve", "web"]).output().context("bindport")?;
    ensure!(reserved.status.success(), "bindport: {}", String::from_utf8_lossy(&reserved.stderr));
    Ok(bindport(["port", "web"]))
}

impl Contender {
    fn new(name: &'static str, mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self { name, command, latency: load::histogram()? })
    }

    fn run(&mut self) -> Result<()> {
        let begun = clock::now();
        let status = self.command.status().with_context(|| self.name.to_owned())?;
        let took = clock::now().duration_since(begun);
        ensure!(status.success(), "{}: {status}", self.name);
        self.latency.saturating_record(u64::try_from(took.as_nanos())?);
        Ok(())
    }

    fn keep(&self, section: &mut Section) {
        let row = section.row_mut(WHAT, WAY, self.name);
        let microseconds = |percentile| load::float(self.latency.value_at_percentile(percentile)) / 1e3;
        row.p50.push(microseconds(50.0));
        row.p99.push(microseconds(99.0));
    }
}

fn goals(section: &mut Section, peers: &Peers) {
    let mut goals = Vec::new();
    let bounds = [(MINIMAL, 1.5, peers.minimal.is_some()), (BINDPORT, 0.5, peers.bindport.is_some())];
    for (other, bound, is_there) in bounds {
        match (section.row(WHAT, WAY, OURS), section.row(WHAT, WAY, other)) {
            (Some(ours), Some(theirs)) if is_there => {
                let what = format!("{OURS} against {other}, p50");
                goals.push(Goal::new(what, Bound::AtMost(bound), " ×", ours.p50.over(&theirs.p50)));
            }
            _ => section.skipped.push(format!("{other}, which is not installed")),
        }
    }
    if peers.portauth.is_none() {
        section.skipped.push("portauth, which is not installed".to_owned());
    }
    section.goals = goals;
}

//! SIGKILL at any instant: under load, while it starts, in the midst of a
//! checkpoint, while commands start it, while it migrates an older registry.
//! After each, the promises A, B, D, E and G are checked from outside.

mod client;
pub(crate) mod ledger;
mod migration;
mod race;
mod strangers;

use std::{
    fs,
    os::unix::fs::MetadataExt,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::{
    Fire,
    daemon::{Daemon, Home},
    http::Connection,
    random::Random,
};
use crate::{clock, output};
use client::{Client, Round};
use strangers::Strangers;

/// How many clients ask at once.
const CLIENTS: usize = 8;
/// How many ports of the pool strangers come to, and some leases are asked for on.
pub(crate) const WINDOW: usize = 64;

/// When the daemon is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instant {
    /// So long after the clients began.
    Load(Duration),
    /// When the registry's own file is written to: a checkpoint has begun.
    Checkpoint(Duration),
    /// So long after it was started.
    Start(Duration),
    /// While commands start it.
    Race,
    /// While it brings an older registry to its format.
    Migration,
}

struct Loop {
    home: Home,
    clients: Vec<Client>,
    race: race::Race,
    strangers: Strangers,
    starts: Histogram<u64>,
    kills: [u64; 5],
}

pub(super) fn run(fire: &mut Fire<'_>) -> Result<Value> {
    let home = Home::new(fire.program)?;
    let root = |number: usize| -> Result<String> {
        let root = home.beside(&format!("root{number}"));
        fs::create_dir(&root)?;
        Ok(root.to_string_lossy().into_owned())
    };
    let clients = (0..CLIENTS).map(|number| Ok(Client::new(number, root(number)?, fire.random.split())));
    let clients = clients.collect::<Result<Vec<_>>>()?;
    let mut all = Loop {
        clients,
        race: race::Race::default(),
        strangers: Strangers::default(),
        starts: Histogram::new(3)?,
        kills: [0; 5],
        home,
    };
    let mut migration = migration::Migration::default();
    for cycle in 0..fire.cycles {
        // Each cycle's own, so that a change of one leaves the others.
        let mut random = fire.random.split();
        let instant = choose(&mut random, all.starts.mean());
        let done = match instant {
            Instant::Migration => migration.cycle(fire.program, &mut random),
            _ => all.cycle(instant, &mut random),
        };
        done.with_context(|| format!("cycle {cycle}, killed at {instant:?}: {}", all.home.log()))?;
        all.home.clear_log()?;
        all.kills[instant.kind()] += 1;
        if (cycle + 1) % 100 == 0 {
            output::note(&format!("crash: {} cycles, {}", cycle + 1, all.figures()));
        }
    }
    let (daemon, _) = all.start()?;
    daemon.kill()?;
    let mut figures = all.figures();
    figures["migrations_killed"] = json!(migration.killed);
    Ok(figures)
}

impl Instant {
    fn kind(self) -> usize {
        match self {
            Self::Load(_) => 0,
            Self::Checkpoint(_) => 1,
            Self::Start(_) => 2,
            Self::Race => 3,
            Self::Migration => 4,
        }
    }
}

fn choose(random: &mut Random, mean_start_us: f64) -> Instant {
    let micros = |end: usize, random: &mut Random| Duration::from_micros(random.below(end) as u64);
    match random.below(100) {
        0..50 => Instant::Load(micros(150_000, random)),
        50..56 => Instant::Checkpoint(micros(400, random)),
        56..82 => Instant::Start(micros((mean_start_us * 1.2) as usize + 1000, random)),
        82..91 => Instant::Race,
        _ => Instant::Migration,
    }
}

impl Loop {
    fn cycle(&mut self, instant: Instant, random: &mut Random) -> Result<()> {
        match instant {
            Instant::Start(after) => {
                let daemon = self.home.spawn(&[])?;
                clock::pause(after);
                daemon.kill()
            }
            Instant::Race => self.race.cycle(&self.home, random),
            _ => {
                let (daemon, doors) = self.start()?;
                self.load(daemon, doors, instant, random)
            }
        }
    }

    /// A daemon of which everything was checked, and its TCP address.
    fn start(&mut self) -> Result<(Daemon, std::net::SocketAddr)> {
        let (daemon, took) = self.home.start_soon()?;
        self.starts.record(u64::try_from(took.as_micros())?)?;
        let asked = clock::now();
        let listed = self.home.leases()?;
        let answered = clock::now();
        for client in &mut self.clients {
            client.ledger.settle(&listed, &client.prefix, asked, answered)?;
        }
        self.race.ledger.settle(&listed, race::PREFIX, asked, answered)?;
        let health = self.home.ask("GET", "/v1/health", &Value::Null)?;
        let notices = &health.body["notices"];
        anyhow::ensure!(*notices == json!([]), "the registry did not survive: {notices}");
        let address = health.body["endpoint"]["addresses"][0].as_str().context("it is not on TCP")?;
        Ok((daemon, address.parse()?))
    }

    /// Clients ask and strangers come, until it is killed.
    fn load(
        &mut self,
        daemon: Daemon,
        tcp: std::net::SocketAddr,
        instant: Instant,
        random: &mut Random,
    ) -> Result<()> {
        let (home, strangers, stop) = (&self.home, &self.strangers, &AtomicBool::new(false));
        let round = &Round { strangers, stop };
        let over = &AtomicBool::new(false);
        thread::scope(|scope| {
            let working: Vec<_> = self
                .clients
                .iter_mut()
                .enumerate()
                .map(|(number, client)| {
                    scope.spawn(move || {
                        // The client's own trouble is to be seen, not that of others after it.
                        let connection = if number % 2 == 0 { home.connect() } else { Connection::tcp(tcp) };
                        match connection {
                            Ok(connection) => client.work(connection, round),
                            Err(_) if stop.load(Ordering::SeqCst) => Ok(()),
                            Err(error) => Err(error),
                        }
                    })
                })
                .collect();
            let mut random = random.split();
            scope.spawn(move || strangers.come_and_go(random.split(), over));
            let waited = wait(home, instant);
            stop.store(true, Ordering::SeqCst);
            let killed = daemon.kill();
            over.store(true, Ordering::SeqCst);
            for client in working {
                client.join().map_err(|_| anyhow!("a client panicked"))??;
            }
            waited.and(killed)
        })
    }

    fn figures(&self) -> Value {
        let sum = |of: fn(&client::Counts) -> u64| {
            self.clients.iter().map(|client| of(&client.counts)).sum::<u64>()
        };
        let [load, checkpoint, start, race, migration] = self.kills;
        json!({
            "killed": {"load": load, "checkpoint": checkpoint, "start": start, "autostart": race, "migration": migration},
            "granted": sum(|counts| counts.granted) + self.race.granted,
            "answered": sum(|counts| counts.answered),
            "refused": sum(|counts| counts.refused),
            "moved": sum(|counts| counts.moved),
            "owners_ended": sum(|counts| counts.owners),
            "first_answer_ms": {
                "p50": self.starts.value_at_quantile(0.5) / 1000,
                "p99": self.starts.value_at_quantile(0.99) / 1000,
                "max": self.starts.max() / 1000,
            },
        })
    }
}

fn wait(home: &Home, instant: Instant) -> Result<()> {
    match instant {
        Instant::Checkpoint(after) => {
            let written =
                || fs::metadata(home.path("registry.db")).map(|data| (data.mtime(), data.mtime_nsec()));
            let before = written()?;
            // The daemon moves its log into the file about once a second.
            let until = clock::now() + Duration::from_secs(2);
            while written()? == before && clock::now() < until {
                thread::yield_now();
            }
            clock::pause(after);
        }
        Instant::Load(after) => clock::pause(after),
        _ => {}
    }
    Ok(())
}

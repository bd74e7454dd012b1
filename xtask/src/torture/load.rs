//! Load, while a crowd of others holds connections and does nothing with them,
//! or far too slowly.

use std::{
    io::Write,
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::{
    Fire,
    daemon::Home,
    http::Connection,
    random::Random,
    start::{BATCH, fill},
};
use crate::clock;

const LEASES: usize = 1000;
const IDLE: usize = 200;
const SLOW: usize = 64;
const CLIENTS: usize = 4;
/// How much a client asks until it has been connected anew twice.
const ASKS: usize = 2 * HALF;
const HALF: usize = 25;
/// Too short for the daemon to lose its patience with everybody who is slow.
const SHORT: Duration = Duration::from_secs(20);
/// What any answer may take, on any machine: less than until somebody slow is cut.
const LONGEST: Duration = Duration::from_secs(2);
/// What an answer may take at most, but for one in a hundred.
const MOST: Duration = Duration::from_millis(20);

/// For so many seconds as there are rounds.
pub(super) fn run(fire: &mut Fire<'_>) -> Result<Value> {
    let home = Home::new(fire.program)?;
    let (daemon, _) = home.start_soon()?;
    fill(&home, LEASES)?;
    let health = home.ask("GET", "/v1/health", &Value::Null)?.body;
    let address = health["endpoint"]["addresses"][0].as_str().context("it is not on TCP")?.parse()?;
    // There before the clients, who must find places all the same.
    let crowd = Crowd::come(address)?;
    let stop = &AtomicBool::new(false);
    let length = Duration::from_secs(fire.cycles as u64);
    let took = thread::scope(|scope| -> Result<Histogram<u64>> {
        let crowd = scope.spawn(move || crowd.stay(stop));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (home, random) = (&home, fire.random.split());
                scope.spawn(move || client(home, address, random, stop))
            })
            .collect();
        let until = clock::now() + length;
        while clock::now() < until && clients.iter().all(|client| !client.is_finished()) {
            clock::pause(Duration::from_millis(50));
        }
        stop.store(true, Ordering::Relaxed);
        let mut all = Histogram::new(3)?;
        for client in clients {
            all.add(client.join().map_err(|_| anyhow!("a client panicked"))??)?;
        }
        let cut = crowd.join().map_err(|_| anyhow!("the crowd panicked"))??;
        ensure!(length < SHORT || cut >= SLOW, "of the slow connections {cut} were cut in {length:?}");
        Ok(all)
    })?;
    daemon.kill()?;
    let p99 = Duration::from_micros(took.value_at_quantile(0.99));
    let longest = Duration::from_micros(took.max());
    ensure!(longest <= LONGEST, "somebody waited {longest:?} for a place among so many");
    // A debug build, or a machine that others use, shows no time of ours.
    ensure!(!fire.release || p99 <= MOST, "one in a hundred answers took {p99:?}");
    Ok(
        json!({"answers": took.len(), "p50_us": took.value_at_quantile(0.5), "p99_us": took.value_at_quantile(0.99), "max_us": took.max()}),
    )
}

/// Connections on which nothing is asked, or too slowly.
struct Crowd {
    address: SocketAddr,
    _idle: Vec<TcpStream>,
    slow: Vec<TcpStream>,
}

impl Crowd {
    fn come(address: SocketAddr) -> Result<Self> {
        let idle = (0..IDLE).map(|_| TcpStream::connect(address)).collect::<Result<_, _>>()?;
        let mut crowd = Self { address, _idle: idle, slow: Vec::new() };
        crowd.fill()?;
        Ok(crowd)
    }

    fn fill(&mut self) -> Result<()> {
        while self.slow.len() < SLOW {
            let mut stream = TcpStream::connect(self.address)?;
            stream.write_all(b"GET /v1/health HTTP/1.1\r\nX-Slow: ")?;
            self.slow.push(stream);
        }
        Ok(())
    }

    /// Keeps the places taken; how many the daemon has cut for being too slow.
    fn stay(mut self, stop: &AtomicBool) -> Result<usize> {
        let mut cut = 0;
        while !stop.load(Ordering::Relaxed) {
            self.slow.retain_mut(|stream| stream.write_all(b"x").is_ok());
            cut += SLOW - self.slow.len();
            self.fill()?;
            clock::pause(Duration::from_millis(200));
        }
        Ok(cut)
    }
}

fn client(home: &Home, tcp: SocketAddr, mut random: Random, stop: &AtomicBool) -> Result<Histogram<u64>> {
    let mut took = Histogram::new(3)?;
    let mut connection = home.connect()?;
    for asked in 1_usize.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        // As commands do, each of which connects anew.
        match asked % ASKS {
            0 => connection = home.connect()?,
            HALF => connection = Connection::tcp(tcp)?,
            _ => {}
        }
        let name = format!("p{}/s{}", random.below(LEASES / BATCH), random.below(BATCH));
        let begun = clock::now();
        let answer = connection.ask("PUT", &format!("/v1/leases/{name}"), &json!({}))?;
        took.record(u64::try_from(begun.elapsed().as_micros())?)?;
        ensure!(answer.is_success(), "{answer:?}");
        clock::pause(Duration::from_millis(2));
    }
    Ok(took)
}

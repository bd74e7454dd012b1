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
use serde_json::{Map, Value, json};

use super::{Fire, daemon::Home, random::Random};
use crate::clock;

const LEASES: usize = 1000;
const IDLE: usize = 200;
const SLOW: usize = 64;
const CLIENTS: usize = 4;
/// What an answer may take at most, but for one in a hundred.
const MOST: Duration = Duration::from_millis(20);

/// For so many seconds as there are rounds.
pub(super) fn run(fire: &mut Fire<'_>) -> Result<Value> {
    let home = Home::new(fire.program)?;
    let (daemon, _) = home.start_soon()?;
    for project in 0..LEASES / 100 {
        let services: Map<String, Value> = (0..100).map(|i| (format!("s{i}"), json!({}))).collect();
        let answer = home.ask("PUT", &format!("/v1/projects/p{project}"), &json!({"services": services}))?;
        ensure!(answer.is_success(), "{answer:?}");
    }
    let health = home.ask("GET", "/v1/health", &Value::Null)?.body;
    let address = health["endpoint"]["addresses"][0].as_str().context("it is not on TCP")?.parse()?;
    let stop = &AtomicBool::new(false);
    let length = Duration::from_secs(fire.cycles as u64);
    let took = thread::scope(|scope| -> Result<Histogram<u64>> {
        let crowd = scope.spawn(move || crowd(address, stop));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (home, random) = (&home, fire.random.split());
                scope.spawn(move || client(home, random, stop))
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
        crowd.join().map_err(|_| anyhow!("the crowd panicked"))??;
        Ok(all)
    })?;
    daemon.kill()?;
    let p99 = Duration::from_micros(took.value_at_quantile(0.99));
    // A debug build, or a machine that others use, shows no time of ours.
    ensure!(!fire.release || p99 <= MOST, "one in a hundred answers took {p99:?}");
    Ok(
        json!({"answers": took.len(), "p50_us": took.value_at_quantile(0.5), "p99_us": took.value_at_quantile(0.99), "max_us": took.max()}),
    )
}

/// Keeps the places taken: the daemon cuts those who are too slow.
fn crowd(address: SocketAddr, stop: &AtomicBool) -> Result<()> {
    let _idle = (0..IDLE).map(|_| TcpStream::connect(address)).collect::<Result<Vec<_>, _>>()?;
    let mut slow: Vec<TcpStream> = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        slow.retain_mut(|stream| stream.write_all(b"x").is_ok());
        while slow.len() < SLOW {
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(b"GET /v1/health HTTP/1.1\r\nX-Slow: ")?;
            slow.push(stream);
        }
        clock::pause(Duration::from_millis(200));
    }
    Ok(())
}

fn client(home: &Home, mut random: Random, stop: &AtomicBool) -> Result<Histogram<u64>> {
    let mut took = Histogram::new(3)?;
    let mut connection = home.connect()?;
    while !stop.load(Ordering::Relaxed) {
        let name = format!("p{}/s{}", random.below(LEASES / 100), random.below(100));
        let begun = clock::now();
        let answer = connection.ask("PUT", &format!("/v1/leases/{name}"), &json!({}))?;
        took.record(u64::try_from(begun.elapsed().as_micros())?)?;
        ensure!(answer.is_success(), "{answer:?}");
        clock::pause(Duration::from_millis(2));
    }
    Ok(took)
}

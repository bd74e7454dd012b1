//! Hours of ordinary use at a steady rate: whether memory, files or answers
//! grow with time.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::{Fire, daemon::Home, http::Connection, random::Random};
use crate::{clock, output};

const CLIENTS: usize = 8;
/// What each client waits after an answer: about 100 requests a second.
const REST: Duration = Duration::from_millis(10);
/// How many samples there are, however long it takes.
const SAMPLES: u32 = 120;
/// Growth that is none: what an hour may add at the most, in KiB.
const MOST_PER_HOUR: f64 = 2048.0;
/// A slope needs time, and less of it shows no more than that it runs.
const ENOUGH: Duration = Duration::from_secs(900);

/// Runs for so many seconds as there are rounds.
pub(super) fn run(fire: &mut Fire<'_>) -> Result<Value> {
    let home = Home::new(fire.program)?;
    let (daemon, _) = home.start_soon()?;
    let length = Duration::from_secs(fire.cycles as u64);
    let (stop, sum) = (&AtomicBool::new(false), &std::sync::Mutex::new(Histogram::<u64>::new(3)?));
    let begun = clock::now();
    let mut all = Histogram::<u64>::new(3)?;
    let mut samples = Vec::new();
    thread::scope(|scope| -> Result<()> {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (mut random, home) = (fire.random.split(), &home);
                scope.spawn(move || {
                    let mut connection = home.connect()?;
                    while !stop.load(Ordering::Relaxed) {
                        let took = ask(&mut connection, number, &mut random)?;
                        let mut sum = sum.lock().map_err(|_| anyhow!("another client panicked"))?;
                        sum.record(u64::try_from(took.as_micros())?)?;
                        drop(sum);
                        clock::pause(REST);
                    }
                    anyhow::Ok(())
                })
            })
            .collect();
        while begun.elapsed() < length && clients.iter().all(|client| !client.is_finished()) {
            clock::pause((length / SAMPLES).max(Duration::from_secs(1)));
            let mut sum = sum.lock().map_err(|_| anyhow!("a client panicked"))?;
            samples.push(sample(daemon.pid(), begun.elapsed(), &sum)?);
            all.add(&*sum)?;
            sum.reset();
        }
        stop.store(true, Ordering::Relaxed);
        clients.into_iter().try_for_each(|client| client.join().map_err(|_| anyhow!("a client panicked"))?)
    })?;
    daemon.kill()?;
    let per_hour = slope(&samples, "rss_kib") * 3600.0;
    output::note(&format!("soak: {per_hour:.0} KiB an hour"));
    ensure!(
        length < ENOUGH || per_hour < MOST_PER_HOUR,
        "it grows by {per_hour:.0} KiB an hour: {samples:?}"
    );
    Ok(json!({
        "requests": all.len(),
        "p50_us": all.value_at_quantile(0.5),
        "p99_us": all.value_at_quantile(0.99),
        "max_us": all.max(),
        "rss_kib_per_hour": per_hour.round(),
        "files_per_hour": (slope(&samples, "files") * 36_000.0).round() / 10.0,
        "samples": samples,
    }))
}

/// What clients ordinarily ask, and a lease that comes and goes.
fn ask(connection: &mut Connection, client: usize, random: &mut Random) -> Result<Duration> {
    let name = format!("app{client}-{}/web", random.below(20));
    let lease = format!("/v1/leases/{name}");
    let (method, target, body) = match random.below(10) {
        0..5 => ("PUT", lease, json!({})),
        5 => ("PUT", lease, json!({"labels": {"at": random.below(1000).to_string()}})),
        6 => ("POST", "/v1/leases".to_owned(), json!({"ttl_s": 1 + random.below(20)})),
        7 => ("DELETE", lease, Value::Null),
        8 => ("GET", lease, Value::Null),
        _ => ("GET", "/v1/leases".to_owned(), Value::Null),
    };
    let begun = clock::now();
    let answer = connection.ask(method, &target, &body)?;
    ensure!(answer.is_success() || answer.status == 404, "{method} {target}: {answer:?}");
    Ok(begun.elapsed())
}

fn sample(pid: u32, at: Duration, answers: &Histogram<u64>) -> Result<Value> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(json!({
        "at_s": at.as_secs(),
        "rss_kib": resident.trim().trim_end_matches(" kB").parse::<u64>()?,
        "files": fs::read_dir(format!("/proc/{pid}/fd"))?.count(),
        "p50_us": answers.value_at_quantile(0.5),
        "p99_us": answers.value_at_quantile(0.99),
    }))
}

/// Least squares, a second, of the second half: the first one fills caches.
fn slope(samples: &[Value], key: &str) -> f64 {
    let half = &samples[samples.len() / 2..];
    let number = |sample: &Value, key: &str| sample[key].as_f64().unwrap_or_default();
    let count = half.len().max(1) as f64;
    let mean = |key: &str| half.iter().map(|sample| number(sample, key)).sum::<f64>() / count;
    let (middle, level) = (mean("at_s"), mean(key));
    let (mut above, mut below) = (0.0, 0.0);
    for sample in half {
        let away = number(sample, "at_s") - middle;
        above += away * (number(sample, key) - level);
        below += away * away;
    }
    if below == 0.0 { 0.0 } else { above / below }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_is_that_of_the_second_half() {
        let sample = |at: u64| json!({"at_s": at, "rss_kib": if at < 50 { 0 } else { 100 + 3 * at }});
        let samples: Vec<Value> = (0..100).map(sample).collect();
        assert!((slope(&samples, "rss_kib") - 3.0).abs() < 1e-9);
        assert!(slope(&samples[..1], "rss_kib").abs() < 1e-9);
    }
}

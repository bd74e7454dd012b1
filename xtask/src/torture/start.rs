//! SIGKILL with a full registry, of which the last commits are in the log
//! alone: the next daemon has all of it, and soon.

use std::time::Duration;

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};

use super::{
    Fire,
    daemon::{Home, Leases},
    random::Random,
};
use crate::clock;

const LEASES: usize = 10_000;
/// How many of them one request asks for.
pub(super) const BATCH: usize = 100;
/// How many commits are made before the kill.
const COMMITS: usize = 40;
/// The daemon moves its log into the file about once a second.
const WITHIN: usize = 1500;

pub(super) fn run(fire: &mut Fire<'_>) -> Result<Value> {
    let home = Home::new(fire.program)?;
    let (mut daemon, _) = home.start_soon()?;
    let mut leases = fill(&home, LEASES)?;
    let mut starts = Histogram::<u64>::new(3)?;
    for round in 0..fire.cycles {
        for _ in 0..COMMITS {
            change(&home, &mut leases, &mut fire.random, round)?;
        }
        clock::pause(Duration::from_millis(fire.random.below(WITHIN) as u64));
        change(&home, &mut leases, &mut fire.random, round)?;
        daemon.kill()?;
        let took;
        (daemon, took) = home.start_soon()?;
        starts.record(u64::try_from(took.as_millis())?)?;
        let health = home.ask("GET", "/v1/health", &Value::Null)?.body;
        ensure!(health["notices"] == json!([]), "the registry did not survive: {health}");
        check(&leases, &home.leases()?)?;
    }
    daemon.kill()?;
    Ok(json!({
        "leases": leases.len(),
        "first_answer_ms": {"p50": starts.value_at_quantile(0.5), "max": starts.max()},
    }))
}

/// So many leases, a hundred of each project.
pub(super) fn fill(home: &Home, number: usize) -> Result<Leases> {
    let services: Map<String, Value> = (0..BATCH).map(|i| (format!("s{i}"), json!({}))).collect();
    let mut connection = home.connect()?;
    for project in 0..number / BATCH {
        let answer =
            connection.ask("PUT", &format!("/v1/projects/p{project}"), &json!({"services": services}))?;
        ensure!(answer.is_success(), "{answer:?}");
    }
    let leases = home.leases()?;
    ensure!(leases.len() == number, "{number} were granted, and {} are there", leases.len());
    Ok(leases)
}

/// One lease goes elsewhere: a commit, and another port.
fn change(home: &Home, leases: &mut Leases, random: &mut Random, round: usize) -> Result<()> {
    let name = format!("p{}/s{}", random.below(LEASES / BATCH), random.below(BATCH));
    let body = json!({"reset": true, "labels": {"round": round.to_string()}});
    let answer = home.ask("PUT", &format!("/v1/leases/{name}"), &body)?;
    ensure!(answer.is_success(), "{answer:?}");
    let (name, id, port) = super::daemon::of(&answer.body)?;
    leases.insert(name, (id, port));
    Ok(())
}

/// Promise A.
fn check(known: &Leases, found: &Leases) -> Result<()> {
    let lost = known.iter().find(|(name, lease)| found.get(*name) != Some(*lease));
    ensure!(lost.is_none(), "A: {lost:?} was answered, and is {:?}", lost.map(|(name, _)| found.get(name)));
    ensure!(found.len() == known.len(), "{} leases became {}", known.len(), found.len());
    Ok(())
}

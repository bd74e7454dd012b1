//! Faults of the real machine under the real daemon: promise F. While one
//! lasts, grants are refused or good; afterwards the daemon is ready within
//! five seconds, and nothing that was answered is lost, not even by SIGKILL.

mod calls;
mod clocks;
mod disk;
mod limits;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use super::{
    Fire,
    crash::ledger::{Doubt, Known, Ledger},
    daemon::{self, Daemon, Home},
    http::Connection,
};
use crate::clock;

/// How soon after a fault's end it is ready again.
const AGAIN: Duration = Duration::from_secs(5);
const PREFIX: &str = "f";

/// Ends a fault.
type End = Box<dyn FnOnce() -> Result<()>>;

/// What becomes of grants meanwhile.
#[derive(Debug, Clone, Copy)]
enum Refused {
    Never,
    /// With this, and at least one is.
    Some(u16, &'static str),
    /// With this.
    Perhaps(u16, &'static str),
}

/// One fault.
struct Fault<'a> {
    name: &'a str,
    refused: Refused,
    /// Prepares the home before a daemon is in it.
    before: fn(&Home) -> Result<()>,
    begin: &'a dyn Fn(&Home, &Daemon) -> Result<End>,
}

const UNSAVED: Refused = Refused::Some(503, "store_unavailable");

const FAULTS: &[Fault<'static>] = &[
    Fault { name: "disk_full", refused: UNSAVED, before: disk::small, begin: &disk::fill },
    Fault { name: "read_only_after_an_error", refused: UNSAVED, before: disk::ext4, begin: &disk::abort },
    Fault { name: "state_directory_removed", refused: UNSAVED, before: nothing, begin: &disk::remove },
    Fault {
        name: "no_files_left",
        refused: Refused::Some(429, "limit_reached"),
        before: nothing,
        begin: &limits::no_files,
    },
    Fault { name: "stopped", refused: Refused::Never, before: nothing, begin: &limits::stop },
];

#[expect(clippy::unnecessary_wraps, reason = "the form of those that do something")]
fn nothing(_: &Home) -> Result<()> {
    Ok(())
}

pub(super) fn run(fire: &mut Fire<'_>) -> Result<Value> {
    let mut figures = Map::new();
    for round in 0..fire.cycles {
        for fault in FAULTS {
            let ready = try_fault(fire, fault).with_context(|| format!("{}, round {round}", fault.name))?;
            figures.insert(fault.name.to_owned(), json!({"ready_after_ms": ready.as_millis() as u64}));
        }
        for (calls, error, refused) in calls::CALLS {
            let (name, when) = (format!("{error} of {calls}"), calls::when(&mut fire.random));
            let begin = |home: &Home, daemon: &Daemon| calls::fail(home, daemon, calls, error, &when);
            let fault = Fault { name: &name, refused: *refused, before: nothing, begin: &begin };
            let ready = try_fault(fire, &fault).with_context(|| format!("{name} {when}, round {round}"))?;
            figures.insert(name.clone(), json!({"ready_after_ms": ready.as_millis() as u64}));
        }
        figures.insert("out_of_memory".to_owned(), limits::out_of_memory(fire).context("out_of_memory")?);
        figures.insert("clocks".to_owned(), clocks::run(fire).context("clocks")?);
    }
    Ok(Value::Object(figures))
}

fn try_fault(fire: &Fire<'_>, fault: &Fault<'_>) -> Result<Duration> {
    let home = Home::new(fire.program)?;
    (fault.before)(&home)?;
    let (daemon, _) = home.start_soon()?;
    let mut ledger = Ledger::default();
    let mut connection = home.connect()?;
    let granted = grant(&mut connection, &mut ledger, "before", 20)?;
    ensure!(granted.is_empty(), "{granted:?}");

    let end = (fault.begin)(&home, &daemon)?;
    let refused = grant(&mut connection, &mut ledger, "meanwhile", 60)?;
    match fault.refused {
        Refused::Never => ensure!(refused.is_empty(), "{refused:?}: {}", home.log()),
        Refused::Some(status, code) | Refused::Perhaps(status, code) => {
            let perhaps = matches!(fault.refused, Refused::Perhaps(..));
            ensure!(perhaps || !refused.is_empty(), "F: all is granted as if nothing were");
            let wrong = refused.iter().find(|answer| (answer.0, answer.1.as_str()) != (status, code));
            ensure!(wrong.is_none(), "F: {wrong:?}: {}", home.log());
        }
    }
    let shown = connection.ask("GET", "/v1/health", &Value::Null)?;
    ensure!(shown.status == 200, "what can be answered is not: {shown:?}");
    end().context("its end")?;

    let ended = clock::now();
    let ready = clock::wait_for(AGAIN, || {
        let answer = home.ask("GET", "/v1/ready", &Value::Null);
        answer.is_ok_and(|answer| answer.status == 200).then(|| ended.elapsed())
    });
    let ready = ready.with_context(|| format!("F: not ready within {AGAIN:?}: {}", home.log()))?;
    let refused = grant(&mut home.connect()?, &mut ledger, "after", 20)?;
    ensure!(refused.is_empty(), "F: {refused:?}");
    settle(&home, &mut ledger)?;
    daemon.kill()?;
    let (daemon, _) = home.start_soon()?;
    settle(&home, &mut ledger)?;
    daemon.kill()?;
    Ok(ready)
}

/// Asks for so many leases; what was refused. What was not answered at all is
/// an error.
fn grant(
    connection: &mut Connection,
    ledger: &mut Ledger,
    what: &str,
    number: usize,
) -> Result<Vec<(u16, String)>> {
    let mut refused = Vec::new();
    for i in 0..number {
        let name = format!("{PREFIX}-{what}{i}/web");
        ledger.doubt = Some(Doubt::Get(name.clone(), None));
        // Enough for a page or two of the registry.
        let labels: Map<String, Value> = (0..16).map(|i| (format!("l{i}"), json!("x".repeat(250)))).collect();
        let answer = connection.ask("PUT", &format!("/v1/leases/{name}"), &json!({"labels": labels}))?;
        ledger.doubt = None;
        if answer.is_success() {
            let (name, id, port) = daemon::of(&answer.body)?;
            ledger.leases.insert(name, Known { id, port, term: None });
        } else {
            refused.push((answer.status, answer.code().to_owned()));
        }
    }
    Ok(refused)
}

fn settle(home: &Home, ledger: &mut Ledger) -> Result<()> {
    let asked = clock::now();
    let listed = home.leases()?;
    ledger.settle(&listed, PREFIX, asked, clock::now()).with_context(|| home.log())
}

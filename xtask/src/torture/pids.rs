//! A process ends, and another one gets its number, before or while somebody
//! asks to stop the first one. The numbers are those of a PID namespace, in
//! which root says which one comes next.

use std::{
    fs::File,
    io::Write,
    net::TcpListener,
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};

use super::{Fire, daemon::Home, random::Random, run_quietly};
use crate::clock;

const INSIDE: &str = "PORTLEASE_TORTURE_PID_NAMESPACE";
const PORT: u16 = 20_001;

pub(super) fn run(fire: &mut Fire<'_>) -> Result<Value> {
    if std::env::var_os(INSIDE).is_some() {
        return inside(fire);
    }
    let seed = fire.random.below(1 << 30);
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc", "--kill-child"]).arg(std::env::current_exe()?);
    command.args([
        "torture",
        "--only",
        "pids",
        "--seed",
        &seed.to_string(),
        "--cycles",
        &fire.cycles.to_string(),
    ]);
    run_quietly(command.arg("--program").arg(fire.program).env(INSIDE, "1"))?;
    Ok(Value::Null)
}

fn inside(fire: &mut Fire<'_>) -> Result<Value> {
    let home = Home::new(fire.program)?;
    let (daemon, _) = home.start()?;
    let mut refused = 0;
    for round in 0..fire.cycles {
        refused += u64::from(one(&home, &mut fire.random).with_context(|| format!("round {round}"))?);
    }
    daemon.kill()?;
    Ok(json!({"refused": refused}))
}

/// A process with the listener for its standard input.
fn holder() -> Result<Child> {
    let listener = TcpListener::bind(("127.0.0.1", PORT))?;
    Ok(Command::new("sleep").arg("1000").stdin(OwnedFd::from(listener)).spawn()?)
}

/// Another process with that number.
fn successor(pid: u32, on_port: bool) -> Result<Child> {
    for _ in 0..200 {
        write!(File::options().write(true).open("/proc/sys/kernel/ns_last_pid")?, "{}", pid - 1)?;
        let mut child = match on_port {
            true => holder()?,
            false => Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn()?,
        };
        if child.id() == pid {
            return Ok(child);
        }
        end(&mut child)?;
    }
    Err(anyhow!("the number {pid} does not come again"))
}

fn end(child: &mut Child) -> Result<()> {
    child.kill()?;
    child.wait()?;
    Ok(())
}

/// Whether it was refused; the first one may also be hit while it lives.
fn one(home: &Home, random: &mut Random) -> Result<bool> {
    let mut first = holder()?;
    let seen = home.ask("GET", &format!("/v1/ports/{PORT}"), &Value::Null)?.body;
    let holder = &seen["holders"][0];
    ensure!(holder["pid"] == first.id(), "it is not seen: {seen}");
    let body = json!({"pid": holder["pid"], "inode": holder["inodes"][0], "signal": "kill"});
    let stop = || home.ask("POST", &format!("/v1/ports/{PORT}/stop"), &body);
    let (races, on_port, after) = (random.below(2) == 0, random.below(2) == 0, random.below(3000) as u64);
    let (answer, mut second) = thread::scope(|scope| -> Result<_> {
        let asked = races.then(|| {
            scope.spawn(|| {
                clock::pause(Duration::from_micros(after));
                stop()
            })
        });
        let _killed_already = first.kill();
        first.wait()?;
        let second = successor(first.id(), on_port)?;
        let answer = match asked {
            Some(asked) => asked.join().map_err(|_| anyhow!("it panicked"))??,
            None => stop()?,
        };
        Ok((answer, second))
    })?;
    let lives = second.try_wait()?.is_none();
    end(&mut second)?;
    ensure!(lives, "the wrong process was stopped: {answer:?}");
    ensure!(races || answer.code() == "stale_request", "{answer:?}");
    Ok(!answer.is_success())
}

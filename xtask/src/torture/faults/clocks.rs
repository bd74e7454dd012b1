//! A time namespace, in which the clocks that count from the machine's start
//! are elsewhere: the only step of them that there is. The wall clock has no
//! namespace; the tests with an injected clock set it.

use std::{
    fs,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::torture::{Fire, daemon::Home};

/// Ten days.
const AHEAD: i64 = 864_000;

/// A daemon is killed and started again where the clocks are ahead, and where
/// they are behind.
pub(super) fn run(fire: &Fire<'_>) -> Result<Value> {
    let uptime = fs::read_to_string("/proc/uptime")?;
    let uptime: f64 = uptime.split_whitespace().next().context("no uptime")?.parse()?;
    // As if the machine had just been started, and counted as the same start.
    let behind = 30 - uptime as i64;
    for offset in [AHEAD, behind] {
        step(fire, offset).with_context(|| format!("clocks that are ahead by {offset} s"))?;
    }
    Ok(json!({"steps_s": [AHEAD, behind]}))
}

fn step(fire: &Fire<'_>, offset: i64) -> Result<()> {
    let home = Home::new(fire.program)?;
    let mut owner = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    let (daemon, _) = home.start_soon()?;
    let put = |name: &str, body: Value| -> Result<Value> {
        let answer = home.ask("PUT", &format!("/v1/leases/{name}/web"), &body)?;
        ensure!(answer.is_success(), "{answer:?}");
        Ok(answer.body)
    };
    put("plain", json!({}))?;
    put("owned", json!({"owner_pid": owner.id()}))?;
    put("term", json!({"ttl_s": 3600}))?;
    let before = home.leases()?;
    daemon.kill()?;

    let offset = offset.to_string();
    let launcher =
        ["unshare", "--time", "--fork", "--kill-child", "--monotonic", &offset, "--boottime", &offset];
    let (daemon, _) = home.start_by(&launcher)?;
    let now = home.leases()?;
    let kept = |name: &str| before.get(name) == now.get(name);
    ensure!(kept("plain/web"), "A: {:?} was lost: {}", before.get("plain/web"), home.log());
    ensure!(kept("owned/web"), "C: its owner lives: {}", home.log());
    ensure!(kept("term/web"), "C: its hour is not over: {}", home.log());
    daemon.kill()?;
    home.kill_all()?;
    owner.kill()?;
    owner.wait()?;
    Ok(())
}

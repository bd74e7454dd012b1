//! System calls that fail under the running daemon, now and then: strace puts
//! the error in the place of the call.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use serde_json::Value;

use super::{End, Refused, UNSAVED};
use crate::torture::{
    daemon::{Daemon, Home},
    random::Random,
};

/// Calls, the error of each, and what comes of it.
pub(super) const CALLS: &[(&str, &str, Refused)] = &[
    ("pwrite64", "EIO", UNSAVED),
    ("pwrite64", "ENOSPC", UNSAVED),
    // Asked again at once.
    ("pwrite64", "EINTR", Refused::Never),
    // Most of them are the checkpointer's, for whom nobody waits.
    ("fsync,fdatasync", "EIO", Refused::Perhaps(503, "store_unavailable")),
    ("socket", "EMFILE", Refused::Some(429, "limit_reached")),
    // Who is connected already does not notice.
    ("accept4", "EMFILE", Refused::Never),
];

/// How many connections are made while the calls fail.
const COMERS: usize = 8;

/// How long it may take until one has failed: syncs are made once a second.
const SOONER: Duration = Duration::from_secs(10);

/// Which of the calls fail: the first, and how many come to each further one.
/// There are two syncs for sure, those of one checkpoint.
pub(super) fn when(random: &mut Random) -> String {
    format!("{}+{}", 1 + random.below(2), 2 + random.below(4))
}

/// Lets them fail until the end.
pub(super) fn fail(
    home: &Home,
    daemon: &Daemon,
    calls: &'static str,
    error: &str,
    when: &str,
) -> Result<End> {
    let mut command = Command::new("strace");
    command.args(["-f", "-p", &daemon.pid().to_string(), "-e", &format!("trace={calls}")]);
    command.args(["-e", &format!("inject={calls}:error={error}:when={when}")]);
    let mut strace = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("strace")?;
    let mut said = BufReader::new(strace.stderr.take().context("strace is not heard")?);
    let mut line = String::new();
    said.read_line(&mut line)?;
    ensure!(line.contains("attached"), "strace does not watch the daemon: {line}");
    // It stands still when nobody reads what it says.
    let (tell, failed) = mpsc::channel();
    thread::spawn(move || {
        for line in said.lines().map_while(Result::ok).filter(|line| is_injected(line)) {
            // Nobody waits for more than one.
            let _heard = tell.send(line);
        }
    });
    for _ in 0..COMERS {
        let answer = home.ask("GET", "/v1/health", &Value::Null)?;
        ensure!(answer.status == 200, "what can be answered is not: {answer:?}");
    }
    Ok(Box::new(move || {
        let failed = failed.recv_timeout(SOONER);
        stop(&mut strace)?;
        failed.with_context(|| format!("none of {calls} has failed"))?;
        Ok(())
    }))
}

fn is_injected(line: &str) -> bool {
    line.contains("(INJECTED)")
}

/// It lets go of the daemon, which goes on.
fn stop(strace: &mut Child) -> Result<()> {
    kill_process(Pid::from_child(strace), Signal::INT)?;
    strace.wait()?;
    Ok(())
}

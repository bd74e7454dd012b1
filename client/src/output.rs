//! All that is printed. Values go to standard output, prose to standard error;
//! text that others wrote is escaped before it reaches a terminal.

#![expect(clippy::print_stderr, reason = "this is the output module")]

mod config;
mod diagnosis;
mod ports;
mod screen;
mod table;
mod who;

use std::{
    io::{self, Write},
    ops::ControlFlow,
};

use portlease_proto::{Auth, Change, Event, Explanation, Holder, Lease, LeaseState, Port, escape};
use portleased::clock::{Clock, SystemClock};
use serde::Serialize;

pub(crate) use config::configuration;
pub(crate) use diagnosis::{checks, diagnosis};
pub(crate) use ports::ports;
pub(crate) use screen::Screen;
pub(crate) use table::rough;
pub(crate) use who::{holder, who};

use crate::exit::Failure;

/// One value, alone on its line.
pub(crate) fn value(text: &str) {
    // A reader that has gone away wants no more.
    let _gone = writeln!(io::stdout(), "{text}");
}

/// Text of several lines, as it is.
pub(crate) fn text(text: &str) {
    let _gone = write!(io::stdout(), "{text}");
}

/// An answer to a program, byte for byte.
pub(crate) fn bytes(bytes: &[u8]) {
    let _gone = io::stdout().write_all(bytes);
}

/// A value as the API would send it.
pub(crate) fn json(value: &impl Serialize) {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let _gone = writeln!(io::stdout(), "{text}");
}

/// A value as the API would send it, on one line; whether anybody reads it.
pub(crate) fn json_line(value: &impl Serialize) -> ControlFlow<()> {
    line(&serde_json::to_string(value).unwrap_or_default())
}

/// Something that happened to a lease, on one line; whether anybody reads it.
pub(crate) fn event(event: &Event) -> ControlFlow<()> {
    let Event { at, event: kind, project, service, port, .. } = event;
    let mut text = format!("{at}  {kind:<14}  {project}/{service}  {port}");
    if let Some(Change { from, because, .. }) = &event.changed {
        text.push_str(&format!(", was {from}: {because}"));
    }
    if let Some(holder) = &event.holder {
        text.push_str(&format!("  {holder}"));
    } else if let Some(owner) = &event.owner {
        text.push_str(&format!("  for {owner}"));
    }
    line(&escape(&text))
}

/// One line; whether anybody reads it.
pub(crate) fn line(text: &str) -> ControlFlow<()> {
    match writeln!(io::stdout(), "{text}") {
        Ok(()) => ControlFlow::Continue(()),
        Err(_gone) => ControlFlow::Break(()),
    }
}

/// Something worth knowing.
pub(crate) fn note(text: &str) {
    eprintln!("portlease: {}", escape(text));
}

/// Asks a person; anything but yes is no.
pub(crate) fn ask(question: &str) -> bool {
    eprint!("{} [y/N] ", escape(question));
    let _gone = io::stderr().flush();
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    read.is_ok() && ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str())
}

/// Why the command failed, and what to type next.
pub(crate) fn failure(failure: &Failure) {
    // A message may have lines, such as the place of an error in a file.
    let lines: Vec<String> = failure.message.lines().map(escape).collect();
    eprintln!("error: {}", lines.join("\n"));
    if let Some(hint) = &failure.hint {
        eprintln!("hint: {}", escape(hint));
    }
}

/// A command line that was not understood, and what was meant.
pub(crate) fn misread(error: &clap::Error, meant: &str) {
    // That nobody reads it is no reason to end otherwise.
    let _unread = error.print();
    eprintln!("hint: {}", escape(meant));
}

/// What a `get` has to say beside the port.
pub(crate) fn about_lease(lease: &Lease) {
    moved(lease);
    if lease.state == LeaseState::Bound {
        let name = format!("{}/{}", lease.project, lease.service);
        let holder = lease.holder.as_ref().map(|holder| format!(", {holder}")).unwrap_or_default();
        note(&format!("{name} is {}{holder}", lease.standing()));
    }
    if let Some(explanation) = &lease.explain {
        explain(lease, explanation);
    }
}

/// That a lease has another port than it had.
pub(crate) fn moved(lease: &Lease) {
    if let Some(Change { from, to, because }) = &lease.changed {
        let name = format!("{}/{}", lease.project, lease.service);
        note(&format!("{name}: {because}, so you got {to} instead of {from}"));
    }
}

fn explain(lease: &Lease, explanation: &Explanation) {
    skipped(explanation);
    match explanation.start {
        Some(start) => note(&format!("the walk through the pool began at {start}; {} is free", lease.port)),
        None => note(&format!("{} is the port of this lease", lease.port)),
    }
}

/// The candidates that were passed over.
pub(crate) fn skipped(explanation: &Explanation) {
    for skipped in &explanation.skipped {
        note(&format!("skipped {}: {}", skipped.port, skipped.detail));
    }
    let more = (explanation.skipped_count as usize).saturating_sub(explanation.skipped.len());
    if more > 0 {
        note(&format!("skipped {more} more"));
    }
}

/// Why a wish was not met: a port is never changed for another in silence.
pub(crate) fn unmet(wishes: &[Port], explanation: &Explanation, given: Port) {
    for skipped in explanation.skipped.iter().filter(|skipped| wishes.contains(&skipped.port)) {
        note(&format!("{}: {}, so you got {given} instead", skipped.port, skipped.detail));
    }
}

/// Leases in columns.
pub(crate) fn leases(leases: &[Lease]) {
    for line in lines(leases) {
        value(&line);
    }
}

/// The same, to be shown otherwise.
pub(crate) fn lines(leases: &[Lease]) -> Vec<String> {
    table::table(leases, SystemClock.now().wall)
}

/// One lease in full.
pub(crate) fn lease(lease: &Lease) {
    let line = |key: &str, text: &str| value(&format!("{key:<9} {}", escape(text)));
    line("lease", &format!("{}/{}", lease.project, lease.service));
    line("port", &format!("{} ({})", lease.port, lease.protocol));
    line("url", &lease.url);
    match lease.state {
        LeaseState::Bound => line("state", "bound: already running here"),
        _ => line("state", &lease.standing()),
    }
    if let Some(holder) = &lease.holder {
        if lease.state != LeaseState::Taken {
            line("holder", &holder.to_string());
        }
        if let Some(since) = &holder.since {
            line("", &format!("since {since}"));
        }
    }
    if let Some(pid) = lease.run_pid {
        line("run", &format!("pid {pid}"));
    }
    if let (LeaseState::Taken, Some(remark)) = (lease.state, lease.remark()) {
        line("", &remark);
    }
    if let Some(root) = &lease.root {
        line("root", root);
    }
    for (key, text) in &lease.labels {
        line("label", &format!("{key}={text}"));
    }
    if lease.hold {
        line("hold", "the daemon keeps the port until the app binds it");
    }
    line("created", &lease.created_at);
    if let Some(end) = &lease.expires_at {
        line("expires", end);
    }
    if let Some(owner) = &lease.owner {
        line("owner", &owner.to_string());
    }
    line("id", &lease.id);
}

/// The daemon in a few lines.
pub(crate) fn status(health: &portlease_proto::Health, socket: &std::path::Path) {
    let line = |key: &str, text: &str| value(&format!("{key:<9} {}", escape(text)));
    let endpoint = &health.endpoint;
    line("daemon", &format!("running (pid {}, version {})", endpoint.pid, endpoint.version));
    line("since", &health.started_at);
    line("leases", &health.leases.to_string());
    line("socket", &socket.display().to_string());
    match &endpoint.url {
        Some(url) if endpoint.auth == Auth::User => line("http", url),
        Some(url) => line("http", &format!("{url}, with the token: portlease token")),
        None => line("http", "not on TCP: only on the socket"),
    }
    if endpoint.port != Some(health.wanted_port) {
        let holder = health.wanted_port_holder.as_ref().map(Holder::to_string);
        let who = holder
            .map(|holder| format!(" is held by {holder}"))
            .unwrap_or_else(|| " was not to be had".to_owned());
        line("", &format!("port {}{who}", health.wanted_port));
    }
    for notice in &health.notices {
        line("notice", notice);
    }
}

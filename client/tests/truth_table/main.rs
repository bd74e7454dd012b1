//! Grants against every kind of socket that can be on a port: a port that has
//! one is never given, and the one port that has none always is.
#![cfg(all(target_os = "linux", feature = "cli"))]
#![expect(clippy::unwrap_used, reason = "what does not work in a test fails it")]

mod kinds;
#[path = "../support/netns.rs"]
mod netns;
mod sockets;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/users.rs"]
mod users;

use std::{
    fmt::Write as _,
    fs::File,
    io::{Read, Write as _},
};

use rustix::net::SocketType;

use kinds::{Held, Kind, another_users_kinds, own_kinds};
use netns::in_new_netns;
use sockets::{INTERFACE, failing_servers};
use support::Ran;
use users::Programs;

const POOL: std::ops::RangeInclusive<u16> = 28500..=28507;
/// The user whose daemon is asked, where another user is on the ports.
const USER: u32 = 4243;

/// What came of one kind.
struct Row {
    kind: String,
    /// The servers that the kind keeps from its port, over TCP and over UDP.
    tcp: Vec<&'static str>,
    udp: Vec<&'static str>,
    /// The port that was given, and what was wrong with it.
    given: Result<u16, String>,
    exhausted: Result<(), String>,
    /// Whether `--port` gives a port of the kind, and what is wrong with that.
    exact: Result<bool, String>,
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn no_port_that_has_a_holder_is_granted() {
    let programs = Programs::new();
    let kinds = own_kinds().into_iter().chain(another_users_kinds(&programs));
    let rows: Vec<Row> =
        kinds.enumerate().map(|(i, kind)| in_new_netns(|| try_kind(&programs, i, &kind))).collect();
    let table = table(&rows);
    println!("{table}");
    if let Some(path) = std::env::var_os("PORTLEASE_TRUTH_TABLE") {
        File::create(path).unwrap().write_all(table.as_bytes()).unwrap();
    }
    let wrong: Vec<String> = rows.iter().filter_map(Row::wrong).collect();
    assert!(wrong.is_empty(), "{} of {} kinds are wrong:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
#[ignore = "a process that the truth table starts as another user"]
fn holder_for_another_user() {
    let Some(what) = users::told() else { return };
    let (port, name) = what.split_once(' ').unwrap();
    let kind = own_kinds().into_iter().find(|kind| kind.name == name).unwrap();
    let _held = (kind.hold)(port.parse().unwrap());
    users::say("ready");
    // Until whoever asked has enough of it.
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

fn try_kind(programs: &Programs, number: usize, kind: &Kind<'_>) -> Row {
    netns::ip(INTERFACE);
    // A daemon of root's is blind to nothing, so that of a user is asked where
    // the holder is another one.
    let user = if kind.another_users { USER } else { 0 };
    let home = || programs.home_of(user, "pool = \"28500-28507\"");
    let free = POOL.start() + u16::try_from(number * 3 % POOL.len()).unwrap();
    let name = format!("app{number}");
    let mut held: Vec<Held> = POOL.filter(|port| *port != free).map(|port| (kind.hold)(port)).collect();

    let given = check_given(&home().run(&["get", &name]), free);
    held.push((kind.hold)(free));
    let home = home();
    let exhausted = check_exhausted(&home.run(&["get", &name, "--json"]));
    let exact = home.run(&["get", &name, "--port", &free.to_string()]);
    let (tcp, udp) = (failing_servers(SocketType::STREAM, free), failing_servers(SocketType::DGRAM, free));
    let exact = check_exact(&exact, tcp.is_empty() && udp.is_empty());
    Row { kind: kind.name.clone(), tcp, udp, given, exhausted, exact }
}

/// Exactly the free port, on which then every server can do its work.
fn check_given(ran: &Ran, free: u16) -> Result<u16, String> {
    let port = ran.port()?;
    if port != free {
        return Err(format!("it gave {port}, and {free} alone is free"));
    }
    let tcp = failing_servers(SocketType::STREAM, free);
    let udp = failing_servers(SocketType::DGRAM, free);
    if tcp.is_empty() && udp.is_empty() {
        return Ok(free);
    }
    Err(format!("on the port given, TCP servers fail on {tcp:?} and UDP ones on {udp:?}"))
}

fn check_exhausted(ran: &Ran) -> Result<(), String> {
    if ran.code == 4 && ran.json()["code"] == "pool_exhausted" {
        return Ok(());
    }
    Err(format!("no port is free, and it said {ran:?}"))
}

/// Asked for by name, a port of which closed connections are all that is left
/// may be given; one that a server cannot bind may not.
fn check_exact(ran: &Ran, serves: bool) -> Result<bool, String> {
    match ran.code {
        0 if serves => Ok(true),
        4 => Ok(false),
        _ => Err(format!("--port of a port that {} said {ran:?}", if serves { "is free" } else { "is not" })),
    }
}

impl Row {
    fn wrong(&self) -> Option<String> {
        let faults = [self.given.as_ref().err(), self.exhausted.as_ref().err(), self.exact.as_ref().err()];
        let faults: Vec<&str> = faults.into_iter().flatten().map(String::as_str).collect();
        (!faults.is_empty()).then(|| format!("{}: {}", self.kind, faults.join("; ")))
    }
}

fn table(rows: &[Row]) -> String {
    let mut table = String::from(
        "| kind | TCP servers that fail | UDP servers that fail | free port given | exhausted | --port |\n\
         |---|---|---|---|---|---|\n",
    );
    for row in rows {
        let servers = |failing: &[&str]| match failing.len() {
            0 => "none".to_owned(),
            4 => "all".to_owned(),
            _ => failing.join(", "),
        };
        let given = row.given.as_ref().map_or("**no**".to_owned(), |port| format!("yes ({port})"));
        let exhausted = row.exhausted.as_ref().map_or("**no**", |()| "yes");
        let exact = row.exact.as_ref().map_or("**wrong**", |given| if *given { "given" } else { "refused" });
        let (tcp, udp) = (servers(&row.tcp), servers(&row.udp));
        let _infallible =
            writeln!(table, "| {} | {tcp} | {udp} | {given} | {exhausted} | {exact} |", row.kind);
    }
    table
}

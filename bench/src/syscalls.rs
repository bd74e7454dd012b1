//! What operations ask of the kernel. The counts repeat exactly, whatever else
//! the machine does, so they are what a budget is kept of.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::{
    machine, output,
    peers::Peers,
    place::{Place, Stream},
    report::Section,
    servers::{Daemon, PortServer, holders},
    trace::{self, Calls, Marks},
    wire::{self, Answer, Framing},
};

const POOL: &str = "10000-31999";
/// Of each operation; what the daemon does by the clock comes to few of them.
const COUNT: usize = 40;
/// Processes, which are not kept from running by anything of their own.
const COMMANDS: usize = 5;

const ANSWER: &str = "\"HTTP/1.1 ";
const PUT: Marks = Marks { arrival: "\"PUT /v1", answer: ANSWER };
const DELETE: Marks = Marks { arrival: "\"DELETE /v1", answer: ANSWER };
const GET: Marks = Marks { arrival: "\"GET /v1", answer: ANSWER };
const CONNECTION: Marks = Marks { arrival: "accept4(", answer: ANSWER };
/// A port of five digits and the end of its line.
const PICKED: Marks = Marks { arrival: "accept4(", answer: "\\n\", 6, " };

type Operation = fn(&Peers) -> Result<Calls>;

/// All operations, each with its calls.
pub(crate) type Operations = Vec<(&'static str, Calls)>;

pub(crate) fn count(peers: &Peers) -> Result<Operations> {
    machine::most_leases()?;
    let all: [(&'static str, Operation); 9] = [
        ("get, existing lease, Unix, keep-alive", |peers| existing(peers, false, true)),
        ("get, existing lease, TCP, keep-alive", |peers| existing(peers, true, true)),
        ("get, existing lease, TCP, a connection each", |peers| existing(peers, true, false)),
        ("get, new lease, Unix, keep-alive", new),
        ("release, Unix, keep-alive", release),
        ("port, free, Unix, keep-alive", free),
        ("port, holder known, Unix, keep-alive", known),
        ("a port by portpicker's protocol", picked),
        ("`portlease get`, existing lease, the command alone", command),
    ];
    let mut operations = Vec::new();
    for (what, operation) in all {
        output::note(what);
        operations.push((what, operation(peers).context(what)?));
    }
    Ok(operations)
}

pub(crate) fn measure(peers: &Peers) -> Result<Section> {
    let mut about = "Per operation, of the server unless it says otherwise, from its arrival to its answer, told apart by strace; \
                     waiting (`epoll_wait`, `futex`) is left out. A known holder costs three more for each process above it. \
                     `bench/budget` fails when one of them takes more than `bench/budget.json` says.\n\n\
                     | operation | system calls | which |\n|---|---|---|\n"
        .to_owned();
    for (what, calls) in count(peers)? {
        about.push_str(&line(what, &calls));
    }
    Ok(Section { about, ..Section::new("System calls") })
}

fn line(what: &str, calls: &Calls) -> String {
    let mut each: Vec<(&String, &u32)> = calls.iter().collect();
    each.sort_by(|one, other| other.1.cmp(one.1));
    let named: Vec<String> = each.iter().map(|(name, count)| format!("{name} {count}")).collect();
    format!("| {what} | {} | {} |\n", calls.values().sum::<u32>(), named.join(", "))
}

fn existing(peers: &Peers, tcp: bool, keep_alive: bool) -> Result<Calls> {
    let daemon = Daemon::start(peers, POOL)?;
    let place = if tcp { &daemon.tcp } else { &daemon.unix };
    let request = wire::http(place, "PUT", "/v1/leases/existing/web", Some("{}"), keep_alive);
    let mut line = Line::new(place, Framing::Http, keep_alive);
    line.ask(&request, 201)?;
    let marks = if keep_alive { PUT } else { CONNECTION };
    trace::each(daemon.pid(), COUNT, &marks, |_| line.ask(&request, 200))
}

fn new(peers: &Peers) -> Result<Calls> {
    let daemon = Daemon::start(peers, POOL)?;
    let mut line = Line::new(&daemon.unix, Framing::Http, true);
    trace::each(daemon.pid(), COUNT, &PUT, |index| line.ask(&lease(&daemon, "PUT", Some("{}"), index), 201))
}

fn release(peers: &Peers) -> Result<Calls> {
    let daemon = Daemon::start(peers, POOL)?;
    let mut line = Line::new(&daemon.unix, Framing::Http, true);
    (0..COUNT).try_for_each(|index| line.ask(&lease(&daemon, "PUT", Some("{}"), index), 201))?;
    trace::each(daemon.pid(), COUNT, &DELETE, |index| line.ask(&lease(&daemon, "DELETE", None, index), 204))
}

fn lease(daemon: &Daemon, method: &str, body: Option<&str>, index: usize) -> Vec<u8> {
    wire::http(&daemon.unix, method, &format!("/v1/leases/new-{index}/web"), body, true)
}

fn free(peers: &Peers) -> Result<Calls> {
    look_up(peers, 10_001)
}

fn known(peers: &Peers) -> Result<Calls> {
    // Whose it is, is known from the first time on.
    let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    look_up(peers, held.local_addr()?.port())
}

fn look_up(peers: &Peers, port: u16) -> Result<Calls> {
    let daemon = Daemon::start(peers, POOL)?;
    let request = wire::http(&daemon.unix, "GET", &format!("/v1/ports/{port}"), None, true);
    let mut line = Line::new(&daemon.unix, Framing::Http, true);
    line.ask(&request, 200)?;
    trace::each(daemon.pid(), COUNT, &GET, |_| line.ask(&request, 200))
}

fn picked(peers: &Peers) -> Result<Calls> {
    let server = PortServer::ours(peers, POOL)?;
    let holders = holders(1)?;
    let request = format!("{}\n", holders[0].pid()).into_bytes();
    let mut line = Line::new(&server.place, Framing::UntilEnd, false);
    trace::each(server.pid(), COUNT, &PICKED, |_| {
        line.ask(&request, 200)?;
        ensure!(!line.answer.body().is_empty(), "a port was refused");
        Ok(())
    })
}

fn command(peers: &Peers) -> Result<Calls> {
    let daemon = Daemon::start(peers, POOL)?;
    let words = ["get", "--project", "existing", "web"];
    let get = |command: &mut Command| {
        let command = command.arg(&peers.portlease).args(words).env("PORTLEASE_HOME", &daemon.home);
        Ok(command.env("PORTLEASE_NO_AUTOSTART", "1").output()?)
    };
    ensure!(get(&mut Command::new("env"))?.status.success(), "portlease get");
    trace::command(COMMANDS, get)
}

/// One client, which asks once at a time.
struct Line<'a> {
    place: &'a Place,
    keep_alive: bool,
    stream: Option<Stream>,
    answer: Answer,
}

impl<'a> Line<'a> {
    fn new(place: &'a Place, framing: Framing, keep_alive: bool) -> Self {
        Self { place, keep_alive, stream: None, answer: Answer::new(framing) }
    }

    fn ask(&mut self, request: &[u8], status: u16) -> Result<()> {
        if self.stream.is_none() {
            self.stream = Some(self.place.connect()?);
        }
        let stream = self.stream.as_mut().context("no connection")?;
        stream.write_all(request)?;
        self.answer.clear();
        let mut buffer = [0; 64 * 1024];
        loop {
            let read = stream.read(&mut buffer)?;
            if self.answer.push(&buffer[..read])? {
                break;
            }
        }
        if !self.keep_alive {
            self.stream = None;
        }
        let body = String::from_utf8_lossy(self.answer.body());
        ensure!(self.answer.status() == status, "status {}: {body}", self.answer.status());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_come_first() {
        let calls = [("epoll_wait".to_owned(), 1), ("read".to_owned(), 2)].into();
        assert_eq!(line("get", &calls), "| get | 3 | read 2, epoll_wait 1 |\n");
    }
}

//! `portlease watch`

use std::{
    io::{BufRead, BufReader, Lines},
    net::TcpListener,
    process::{Child, ChildStderr, ChildStdout, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{apart::home_apart, support::Home};

struct Watch {
    child: Child,
    events: Lines<BufReader<ChildStdout>>,
    notes: Lines<BufReader<ChildStderr>>,
}

impl Watch {
    /// A watch that sees whatever happens from now on.
    fn start(home: &Home, args: &[&str]) -> Self {
        let args: Vec<&str> = ["watch"].iter().chain(args).copied().collect();
        let mut command = home.command(&args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let events = BufReader::new(child.stdout.take().unwrap()).lines();
        let notes = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut watch = Self { child, events, notes };
        watch.note("watching");
        watch
    }

    fn line(&mut self) -> String {
        self.events.next().unwrap().unwrap()
    }

    fn json(&mut self) -> Value {
        serde_json::from_str(&self.line()).unwrap()
    }

    /// Reads on to a note that has this in it.
    fn note(&mut self, part: &str) {
        let found = self.notes.by_ref().any(|line| line.unwrap().contains(part));
        assert!(found, "{part} is never said");
    }

    fn end(&mut self, signal: Signal) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

#[test]
fn what_happens_is_printed_a_line_each() {
    let home = home_apart();
    let mut watch = Watch::start(&home, &[]);
    let port = home.run(&["get", "app", "web"]).port().unwrap();
    home.run(&["get", "other"]);
    let line = watch.line();
    assert!(line.ends_with(&format!("lease.granted   app/web  {port}")), "{line}");
    assert!(watch.line().contains("other/default"));
    let app = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let line = watch.line();
    let holder = format!("(pid {}, user ", std::process::id());
    assert!(line.contains("lease.bound") && line.contains(&holder), "{line}");
    drop(app);
    assert!(watch.line().contains("lease.unbound"));
    home.run(&["release", "app"]);
    assert!(watch.line().contains("lease.released"));
    assert_eq!(watch.end(Signal::INT), Some(0));
}

#[test]
fn one_project_as_json_for_programs() {
    let home = home_apart();
    let mut watch = Watch::start(&home, &["app", "--json"]);
    home.run(&["get", "other"]);
    let lease = home.run(&["get", "app", "--json"]).json();
    let event = watch.json();
    assert_eq!((&event["event"], &event["id"]), (&Value::from("lease.granted"), &lease["id"]));
    assert_eq!(event["port"], lease["port"]);
    assert_eq!(watch.end(Signal::TERM), Some(0));
}

#[test]
fn it_goes_on_with_the_next_daemon() {
    let home = home_apart();
    let mut watch = Watch::start(&home, &["--json"]);
    home.run(&["get", "app"]);
    assert_eq!(watch.json()["event"], "lease.granted");
    home.kill(Signal::KILL);
    watch.note("waiting for the next one");
    assert!(home.daemons().is_empty(), "it starts none by itself");
    home.run(&["list"]);
    watch.note("watching");
    // What happened meanwhile may be lost, and that is said.
    assert_eq!(watch.json()["event"], "reset");
    home.run(&["release", "app"]);
    assert_eq!(watch.json()["event"], "lease.released");
}

#[test]
fn it_ends_when_nobody_reads() {
    let home = home_apart();
    let mut command = home.command(&["watch"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut notes = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(notes.any(|line| line.unwrap().contains("watching")));
    drop(child.stdout.take());
    home.run(&["get", "app"]);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

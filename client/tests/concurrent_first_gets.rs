//! A daemon starts by itself, once however many want it, and whatever becomes
//! of it or of its files, its projects get the same ports again.
#![cfg(all(target_os = "linux", feature = "cli"))]
#![expect(clippy::unwrap_used, reason = "what does not work in a test fails it")]

#[path = "support/apart.rs"]
mod apart;
mod support;

use std::{
    collections::BTreeSet,
    fs,
    process::{Child, Stdio},
};

use rustix::process::Signal;

use apart::home_apart;
use support::{Home, Ran};

const AT_ONCE: usize = 50;

fn home(config: &str) -> Home {
    Home::new(vec![env!("CARGO_BIN_EXE_portlease").into()], config)
}

fn at_once(home: &Home, name: impl Fn(usize) -> String) -> Vec<u16> {
    let start = |i| {
        let mut command = home.command(&["get", &name(i)]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<Child> = (0..AT_ONCE).map(start).collect();
    // All of them end before one can fail the test: none may start a daemon after it.
    let done: Vec<Ran> =
        children.into_iter().map(|child| Ran::from(child.wait_with_output().unwrap())).collect();
    done.iter().map(|ran| ran.port().unwrap()).collect()
}

const NAMES: [&str; 3] = ["alpha", "beta", "gamma"];

/// The ports of a few projects.
fn ports(home: &Home) -> [u16; 3] {
    NAMES.map(|name| home.run(&["get", name]).port().unwrap())
}

/// Their leases, by number: a new lease would get the same port as the one
/// that was lost, but not the same number.
fn leases(home: &Home) -> [(u16, String); 3] {
    let ports = ports(home);
    let ids = NAMES.map(|name| home.run(&["get", name, "--json"]).json()["id"].to_string());
    std::array::from_fn(|i| (ports[i], ids[i].clone()))
}

fn pid(home: &Home) -> u64 {
    home.run(&["status", "--json"]).json()["endpoint"]["pid"].as_u64().unwrap()
}

/// Away at once, so that a daemon which puts its files back does not do so
/// in the midst of it.
fn delete(home: &Home, what: &str) {
    let (path, away) = (home.dir().join(what), home.dir().with_extension("away"));
    fs::rename(path, &away).unwrap();
    fs::remove_dir_all(away).unwrap();
}

#[test]
fn fifty_projects_in_a_home_that_is_not_there_yet() {
    let home = home("");
    delete(&home, "");
    let ports: BTreeSet<u16> = at_once(&home, |i| format!("name{i}")).into_iter().collect();
    assert_eq!(ports.len(), AT_ONCE, "{ports:?}");
    assert_eq!(home.daemons().len(), 1);
    let list = home.run(&["list", "--json"]).json();
    assert_eq!(list["leases"].as_array().map(Vec::len), Some(AT_ONCE));
}

#[test]
fn fifty_times_one_project() {
    let home = home_apart();
    let ports: BTreeSet<u16> = at_once(&home, |_| "name".to_owned()).into_iter().collect();
    assert_eq!(ports.len(), 1, "{ports:?}");
    assert_eq!(home.daemons().len(), 1);
}

#[test]
fn a_daemon_that_ended() {
    let home = home_apart();
    let before = leases(&home);
    for signal in [Signal::KILL, Signal::TERM] {
        home.kill(signal);
        assert_eq!(home.run(&["status"]).code, 69);
        assert_eq!(leases(&home), before, "after {signal:?}");
    }
}

#[test]
fn files_deleted_under_a_living_daemon() {
    let home = home_apart();
    let (before, daemon) = (leases(&home), pid(&home));
    for what in ["run", ""] {
        delete(&home, what);
        assert_eq!(leases(&home), before, "after {what:?} was deleted");
        assert_eq!(pid(&home), daemon);
    }
    // It wrote them down again.
    home.kill(Signal::KILL);
    assert_eq!(leases(&home), before);
}

#[test]
fn fifty_at_once_under_a_daemon_without_files() {
    let home = home_apart();
    let (before, daemon) = (ports(&home), pid(&home));
    delete(&home, "");
    let again: BTreeSet<u16> = at_once(&home, |_| "alpha".to_owned()).into_iter().collect();
    assert_eq!(again, BTreeSet::from([before[0]]));
    assert_eq!(pid(&home), daemon);
}

#[test]
fn nothing_left_but_the_names() {
    let home = home_apart();
    let before = ports(&home);
    home.kill(Signal::KILL);
    delete(&home, "");
    home.write_config();
    assert_eq!(ports(&home), before);
}

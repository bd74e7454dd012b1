//! With the real daemon. This program is started anew for each part: as the
//! daemon, and as a test program that has nothing but its environment.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what does not work in a test fails it")]

#[path = "../../../daemon/tests/support/ports.rs"]
mod ports;

use std::{
    collections::BTreeSet,
    fs::{DirBuilder, File},
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    num::NonZeroU32,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use portlease::{
    Client,
    proto::{Lease, Paths},
};
use portlease_test::{AnonymousRequest, TestPort};
use portleased::{clock::Stopwatch, compat::Wanted, daemon, paths};
use tempfile::TempDir;

use ports::{POOL, Ports};

/// Begins what this program says to another.
const SAYS: &str = "says: ";
/// Where no `portlease` is that could start a daemon.
const NOWHERE: &str = "/nowhere";

struct Part(Child);

impl Part {
    /// Starts one of the parts below.
    fn start(name: &str, home: &Path, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([name, "--exact", "--ignored", "--nocapture", "--test-threads=2"]);
        command.env_clear().env("PORTLEASE_HOME", home).env("PATH", NOWHERE);
        command.envs(environment.iter().copied());
        Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap())
    }

    /// The next thing that it says.
    fn said(&mut self) -> String {
        let mut lines =
            BufReader::with_capacity(1, self.0.stdout.as_mut().unwrap()).lines().map_while(Result::ok);
        lines.find_map(|line| Some(line.split_once(SAYS)?.1.to_owned())).expect("it says something")
    }

    fn tell(&mut self) {
        self.0.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// The home that this program was started for; none for whoever runs all that
/// is ignored.
fn told() -> Option<Paths> {
    let alone = std::env::var_os("PATH").is_some_and(|path| path == NOWHERE);
    alone.then(paths::from_env).flatten()
}

#[expect(clippy::print_stdout, reason = "the other process reads it")]
fn say(text: impl std::fmt::Display) {
    println!("{SAYS}{text}");
}

fn wait_to_be_told() {
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

#[test]
#[ignore = "not a test: the others start it"]
fn the_daemon() {
    let Some(paths) = told() else { return };
    let options =
        daemon::Options { paths, detach: false, compat: Wanted::default(), overrides: Default::default() };
    daemon::run(&options, |_ready| say("ready")).unwrap();
}

/// Takes ports in each way there is, and tells which.
#[test]
#[ignore = "not a test: the others start it"]
fn a_test_program() {
    if told().is_none() {
        return;
    }
    let port = portlease_test::port();
    let _server = TcpListener::bind(("127.0.0.1", *port)).unwrap();
    assert_eq!(port.url(), format!("http://localhost:{}", port.port()));
    let pair =
        AnonymousRequest { contiguous: true, count: NonZeroU32::new(2), ..AnonymousRequest::default() };
    let mut ports = portlease_test::lease(pair).unwrap();
    assert_eq!(*ports[0] + 1, *ports[1]);
    assert!(portlease_test::ports(0).is_empty());
    let threads = [(); 4].map(|()| std::thread::spawn(portlease_test::port));
    ports.extend(threads.map(|thread| thread.join().unwrap()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    ports.push(runtime.block_on(async { portlease_test::port() }));
    ports.push(port);
    say(ports.iter().map(TestPort::to_string).collect::<Vec<_>>().join(" "));
    wait_to_be_told();
    let last = ports.pop();
    runtime.block_on(async { drop(ports) });
    say("released");
    wait_to_be_told();
    drop(last);
}

/// Wants a port of a daemon that is not there.
#[test]
#[ignore = "not a test: the others start it"]
fn a_test_program_alone() {
    if told().is_none() {
        return;
    }
    let error = portlease_test::lease(AnonymousRequest::default()).unwrap_err();
    say(error.to_string().replace('\n', "; "));
    let panic = std::panic::catch_unwind(portlease_test::port).unwrap_err();
    assert_eq!(*panic.downcast::<String>().unwrap(), format!("portlease: {error}"));
    say("as a panic, too");
}

/// A home whose daemon has ports that no other test has.
fn home() -> (Ports, TempDir, PathBuf) {
    let (ports, temp) = (Ports::take(), tempfile::tempdir().unwrap());
    let home = temp.path().join("home");
    DirBuilder::new().mode(0o700).create(&home).unwrap();
    let config = format!("pool = \"{}\"\n[api]\nport = {}\n", ports.pool(), ports.at(POOL - 1));
    File::create(home.join("config.toml")).unwrap().write_all(config.as_bytes()).unwrap();
    (ports, temp, home)
}

fn leases(home: &Path) -> Vec<Lease> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { Client::connect(&Paths::under(home)).await.unwrap().list(None).await.unwrap() })
}

#[test]
fn leased_while_the_guard_lives() {
    let (_ports, _temp, home) = home();
    let mut daemon = Part::start("the_daemon", &home, &[]);
    assert_eq!(daemon.said(), "ready");
    let mut program = Part::start("a_test_program", &home, &[]);
    let said = program.said();
    let given: BTreeSet<u16> = said.split(' ').map(|port| port.parse().unwrap()).collect();
    assert_eq!(given.len(), 8, "{said}");
    let leased = leases(&home);
    assert_eq!(leased.iter().map(|lease| lease.port.get()).collect::<BTreeSet<_>>(), given);
    for lease in &leased {
        assert_eq!(lease.owner.as_ref().unwrap().pid.unwrap(), program.0.id());
        assert_eq!(lease.labels["via"], "rust");
    }
    assert!(
        leased.iter().any(|lease| lease.labels.get("test").is_some_and(|test| test == "a_test_program")),
        "{leased:?}"
    );

    program.tell();
    assert_eq!(program.said(), "released");
    let left = leases(&home);
    assert_eq!(left.len(), 1, "{left:?}");
    // What a process that is killed has left ends with it.
    drop(program);
    let watch = Stopwatch::start();
    while !leases(&home).is_empty() {
        assert!(watch.elapsed().as_secs() < 20, "a lease has outlived its process");
    }
}

#[test]
fn nobody_answers() {
    let (_ports, _temp, home) = home();
    let mut alone = Part::start("a_test_program_alone", &home, &[]);
    let said = alone.said();
    assert!(said.starts_with("portlease cannot be run, which would start the daemon: "), "{said}");
    assert!(said.ends_with("; hint: cargo install portlease"), "{said}");
    assert_eq!(alone.said(), "as a panic, too");

    let mut forbidden = Part::start("a_test_program_alone", &home, &[("PORTLEASE_NO_AUTOSTART", "1")]);
    let said = forbidden.said();
    assert!(
        said.starts_with(&format!("no daemon answers on {}", home.join("run/portlease.sock").display())),
        "{said}"
    );
    assert!(said.ends_with("; hint: portlease daemon"), "{said}");
}

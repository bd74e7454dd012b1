//! Daemons that share a machine and want the same ports never grant one twice.
#![cfg(all(target_os = "linux", feature = "cli"))]
#![expect(clippy::unwrap_used, reason = "what does not work in a test fails it")]

#[path = "support/netns.rs"]
mod netns;
mod support;
#[path = "support/users.rs"]
mod users;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpListener,
    os::unix::net::UnixStream,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Instant,
};

use rustix::process::Signal;
use serde_json::Value;

use netns::in_new_netns;
use support::Home;
use users::{Programs, say, told};

const POOL: std::ops::Range<u16> = 10100..18100;
const CONFIG: &str = "pool = [\"10100-14099\", \"14100-18099\"]";
/// What each daemon is asked for.
const GRANTS: usize = 3000;
const STRANGER: u32 = 65534;

/// Project to port.
type Grants = BTreeMap<String, u16>;

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn of_two_users() {
    no_port_is_granted_twice([4243, 4244]);
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn of_one_user() {
    no_port_is_granted_twice([4243, 4243]);
}

fn no_port_is_granted_twice(users: [u32; 2]) {
    in_new_netns(|| {
        let programs = Programs::new();
        let homes = users.map(|uid| programs.home_of(uid, CONFIG));
        // A daemon starts with the first question.
        assert!(homes.iter().all(|home| home.run(&["list"]).code == 0));

        let mut stranger = programs.helper(STRANGER, "stranger");
        stranger.tell("begin");
        let held: BTreeSet<u16> = numbers(&stranger.wait_for("ready"));
        let mut drivers = [0, 1].map(|i| {
            let mut driver = programs.helper(users[i], "driver");
            driver.tell(homes[i].dir().join("run/portlease.sock").to_str().unwrap());
            driver.wait_for("ready");
            driver
        });
        drivers.iter_mut().for_each(|driver| driver.tell("go"));
        let answers = drivers.each_mut().map(|driver| driver.wait_for("done"));
        stranger.tell("stop");
        let binds = stranger.wait_for("done");
        say(&format!("users {users:?}: {}; meanwhile a stranger {}", rates(&answers), binds.concat()));

        let grants = answers.map(|lines| lines.iter().filter_map(|line| grant(line)).collect::<Grants>());
        let all: Vec<u16> = grants.iter().flat_map(|grants| grants.values().copied()).collect();
        let distinct: BTreeSet<u16> = all.iter().copied().collect();
        assert_eq!((all.len(), distinct.len()), (2 * GRANTS, 2 * GRANTS), "ports were granted twice");
        assert!(held.len() > 100 && held.is_disjoint(&distinct), "ports were granted that a stranger had");

        homes[0].kill(Signal::KILL);
        for (home, grants) in homes.iter().zip(&grants) {
            assert_eq!(leases(home, "reserved"), *grants);
        }
    });
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn a_port_granted_while_its_daemon_was_down() {
    in_new_netns(|| {
        let programs = Programs::new();
        let [down, up] = [4243, 4244].map(|uid| programs.home_of(uid, CONFIG));
        let port = down.run(&["get", "app"]).port().unwrap();
        let exact = port.to_string();
        assert_eq!(up.run(&["get", "app", "--port", &exact]).code, 4);
        down.kill(Signal::KILL);
        assert_eq!(up.run(&["get", "app", "--port", &exact]).port(), Ok(port));

        assert_eq!(leases(&down, "taken"), Grants::from([("app".to_owned(), port)]));
        assert_eq!(down.run(&["get", "app", "--strict"]).code, 4);
        let moved = down.run(&["get", "app", "--json"]).json();
        assert_eq!(moved["changed"]["from"], port, "{moved}");
        assert_ne!(moved["port"], port);
        assert_eq!(up.run(&["get", "app"]).port(), Ok(port));
    });
}

/// The leases of a home that are in this state.
fn leases(home: &Home, state: &str) -> Grants {
    let list = home.run(&["list", "--json"]).json();
    let leases = list["leases"].as_array().unwrap().iter().filter(|lease| lease["state"] == state);
    leases.map(|lease| (text(&lease["project"]), port(lease))).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn port(lease: &Value) -> u16 {
    u16::try_from(lease["port"].as_u64().unwrap()).unwrap()
}

/// A line of a driver: a project and its port.
fn grant(line: &str) -> Option<(String, u16)> {
    let (project, port) = line.split_once(' ')?;
    Some((project.to_owned(), port.parse().ok()?))
}

fn rates(answers: &[Vec<String>; 2]) -> String {
    let rates: Vec<&str> =
        answers.iter().flatten().filter(|line| line.ends_with("/s")).map(String::as_str).collect();
    rates.join(" and ")
}

fn numbers(lines: &[String]) -> BTreeSet<u16> {
    lines.iter().filter_map(|line| line.parse().ok()).collect()
}

/// Asks one daemon for [`GRANTS`] leases, over one connection, as its user.
#[test]
#[ignore = "a process that other tests start as another user"]
fn driver() {
    let Some(socket) = told() else { return };
    let mut stream = UnixStream::connect(socket).unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    say("ready");
    assert_eq!(told().as_deref(), Some("go"));
    #[expect(clippy::disallowed_methods, reason = "a rate is measured")]
    let start = Instant::now();
    let grants: Vec<u16> = (0..GRANTS).map(|i| put(&mut stream, &mut answers, i)).collect();
    let rate = GRANTS as f64 / start.elapsed().as_secs_f64();
    for (i, port) in grants.into_iter().enumerate() {
        say(&format!("p{i} {port}"));
    }
    say(&format!("{rate:.0} grants/s"));
    say("done");
}

/// One request and its answer, by hand: the raw protocol costs next to nothing,
/// so that the daemons are what is waited for.
fn put(stream: &mut UnixStream, answers: &mut impl BufRead, i: usize) -> u16 {
    let head = "Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 2";
    write!(stream, "PUT /v1/leases/p{i}/default HTTP/1.1\r\n{head}\r\n\r\n{{}}").unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        assert_ne!(answers.read_line(&mut line).unwrap(), 0, "the daemon hung up");
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim_end().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    answers.read_exact(&mut body).unwrap();
    let lease: Value = serde_json::from_slice(&body).unwrap();
    assert!(lease["port"].is_u64(), "{lease}");
    port(&lease)
}

/// Holds every fortieth port of the pool, and binds and closes others at random.
#[test]
#[ignore = "a process that other tests start as another user"]
fn stranger() {
    const AT: [&str; 5] = ["127.0.0.1", "0.0.0.0", "::1", "::", "127.0.0.2"];
    let Some(_begin) = told() else { return };
    let kept: Vec<TcpListener> =
        POOL.step_by(40).enumerate().map(|(i, port)| TcpListener::bind((AT[i % 5], port)).unwrap()).collect();
    for listener in &kept {
        say(&listener.local_addr().unwrap().port().to_string());
    }
    say("ready");
    let stop = AtomicBool::new(false);
    let mut bound: u32 = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            told();
            stop.store(true, Ordering::Relaxed);
        });
        let (mut open, mut random) = (VecDeque::new(), 0x9e37_79b9_7f4a_7c15_u64);
        while !stop.load(Ordering::Relaxed) {
            // xorshift64
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let port = POOL.start + u16::try_from(random % POOL.len() as u64).unwrap();
            if let Ok(listener) = TcpListener::bind((AT[bound as usize % 5], port)) {
                bound += 1;
                open.push_back(listener);
            }
            if open.len() > 20 {
                open.pop_front();
            }
        }
    });
    say(&format!("bound {bound} ports"));
    say("done");
    io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

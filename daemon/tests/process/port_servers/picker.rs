//! portpicker's protocol.

use std::{
    collections::BTreeSet,
    io::Write,
    net::{Shutdown, TcpListener, TcpStream, UdpSocket},
    os::unix::net::UnixStream,
};

use portleased::clock::Stopwatch;
use rustix::{
    net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt},
    process::Signal,
};
use serde_json::{Value, json};

use super::*;
use crate::daemon::{Daemon, wait_for};

#[test]
fn every_form_of_a_request_and_every_refusal() {
    let home = home_of_picker();
    let _daemon = home.start();
    let us = std::process::id();
    for request in [
        format!("{us}\n"),
        format!("{us}\r\n"),
        format!("  {us} \n"),
        format!("+{us}\n"),
        format!("000{us}\n"),
        // The client waits for the answer, and sends no line feed.
        format!("{us}"),
    ] {
        let answer = ask(&home, &request);
        let port = port(&answer).unwrap_or_else(|| panic!("{request:?} was refused"));
        assert_eq!(answer, format!("{port}\n").into_bytes());
    }
    // It says that it sends no more.
    let mut stream = connect(&home);
    stream.write_all(us.to_string().as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert!(port(&rest(stream)).is_some());

    let gone = process();
    let pid = gone.id();
    end(gone);
    let thread = rustix::thread::gettid().as_raw_nonzero().get();
    assert_ne!(thread.unsigned_abs(), us, "tests run on threads of their own");
    for request in [
        "1\n".to_owned(),
        "0\n".to_owned(),
        "-5\n".to_owned(),
        "99Z\n".to_owned(),
        "\n".to_owned(),
        "99999999999999999\n".to_owned(),
        format!("{us:021}"),
        format!("{pid}\n"),
        format!("{thread}\n"),
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
    ] {
        assert_eq!(ask(&home, &request), b"", "{request:?}");
    }
}

#[test]
fn a_path_and_tcp_as_well() {
    let home = home(|home| {
        format!("portpicker = [\"{}\", \"tcp:{}\"]", home.path("ports.sock").display(), grpc_port(home))
    });
    let path = home.path("ports.sock");
    // What a killed server leaves is replaced.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let daemon = home.start();
    let us = format!("{}\n", std::process::id());
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(us.as_bytes()).unwrap();
    let first = port(&rest(stream)).unwrap();
    for loopback in ["127.0.0.1", "::1"] {
        let mut stream = TcpStream::connect((loopback, grpc_port(&home))).unwrap();
        stream.write_all(us.as_bytes()).unwrap();
        assert_ne!(port(&rest(stream)), Some(first));
    }
    daemon.kill();
    let mut daemon = home.start();
    UnixStream::connect(&path).unwrap();
    daemon.signal(Signal::TERM);
    assert!(daemon.exit(PATIENCE).success());
    assert!(!path.exists());
}

#[test]
fn of_the_configuration_what_cannot_be_served_costs_nobody_a_lease() {
    let home = home(|home| {
        format!("portpicker = [\"{}\", \"@{}\"]", home.path("config.toml").display(), name(home))
    });
    let mut daemon = home.start();
    assert!(port_for(&home, std::process::id()).is_some());
    let notices = daemon.health()["notices"].to_string();
    assert!(notices.contains("config.toml cannot be served: a file that is no socket"), "{notices}");
    daemon.put("myapp/web").json(201);
}

#[test]
fn a_port_ends_with_its_process_and_with_nothing_else() {
    let home = home_of_picker();
    let mut daemon = home.start();
    let (lives, dies) = (process(), process());
    let kept: BTreeSet<u16> = (0..5).map(|_| port_for(&home, lives.id()).unwrap()).collect();
    assert_eq!(kept.len(), 5);
    let left: BTreeSet<u16> = (0..5).map(|_| port_for(&home, dies.id()).unwrap()).collect();
    assert!(kept.is_disjoint(&left));
    let events = daemon.events("").started();

    daemon.kill();
    end(dies);
    drop(events);
    let mut daemon = home.start();
    let listed = listed(&mut daemon);
    assert_eq!(listed.iter().map(port_of).collect::<BTreeSet<u16>>(), kept);
    // All that are left are given, and none of those that live.
    let mut given = BTreeSet::new();
    while let Some(port) = port_for(&home, std::process::id()) {
        assert!(given.insert(port), "{port} twice");
    }
    assert!(given.is_disjoint(&kept) && given.len() >= 5, "{given:?}");

    let mut events = daemon.events("").started();
    end(lives);
    let ended: BTreeSet<u16> = (0..5).map(|_| port_of(&events.expect("lease.expired").data)).collect();
    assert_eq!(ended, kept);
    // As many as have ended, and the few that are kept from suites may be among them.
    let again: BTreeSet<u16> = std::iter::from_fn(|| port_for(&home, std::process::id())).collect();
    assert_eq!(again.len(), 5, "{again:?}");
    assert!(again.is_disjoint(&given) && !again.is_disjoint(&kept), "{again:?}");
}

#[test]
fn a_port_is_free_within_100_ms_of_its_owners_end() {
    let home = home_of_picker();
    let mut daemon = home.start();
    let mut events = daemon.events("").started();
    let mut times: Vec<_> = (0..9)
        .map(|_| {
            let owner = process();
            port_for(&home, owner.id()).unwrap();
            events.expect("lease.granted");
            let watch = Stopwatch::start();
            end(owner);
            events.expect("lease.expired");
            watch.elapsed()
        })
        .collect();
    times.sort_unstable();
    // Of the machine's other work a test knows nothing: the one in the middle.
    assert!(times[4].as_millis() < 100, "{times:?}");
}

#[test]
fn ports_that_are_bound_are_not_given() {
    let home = home_of_picker();
    let _daemon = home.start();
    // All but four, each in a way that some other server does not see.
    let all = (0..POOL - 1).map(|index| home.ports.at(index));
    let free: BTreeSet<u16> = all.clone().skip(7).take(4).collect();
    let mut sockets = Vec::new();
    for (number, port) in all.filter(|port| !free.contains(port)).enumerate() {
        let (kind, address) = match number % 4 {
            0 => (SocketType::STREAM, "127.0.0.1"),
            1 => (SocketType::STREAM, "127.0.0.2"),
            2 => (SocketType::DGRAM, "127.0.0.1"),
            _ => (SocketType::DGRAM, "0.0.0.0"),
        };
        let socket = socket_with(AddressFamily::INET, kind, SocketFlags::CLOEXEC, None).unwrap();
        sockopt::set_socket_reuseaddr(&socket, true).unwrap();
        // It is bound, and does not listen.
        bind(&socket, &SocketAddr::new(address.parse().unwrap(), port)).unwrap();
        sockets.push(socket);
    }
    let owner = process();
    let given: BTreeSet<u16> = (0..4).map(|_| port_for(&home, owner.id()).unwrap()).collect();
    assert_eq!(given, free);
    assert_eq!(port_for(&home, owner.id()), None);

    // Nor is one on which an orphan is, when its owner has ended.
    let mut orphans = given.iter();
    let _tcp = TcpListener::bind(("127.0.0.1", *orphans.next().unwrap())).unwrap();
    let _udp = UdpSocket::bind(("127.0.0.1", *orphans.next().unwrap())).unwrap();
    let left: BTreeSet<u16> = orphans.copied().collect();
    end(owner);
    let us = std::process::id();
    let again: BTreeSet<u16> = (0..2).map(|_| port_for(&home, us).unwrap()).collect();
    assert_eq!(again, left);
    assert_eq!(port_for(&home, us), None);
}

#[test]
fn everybody_sees_whose_they_are() {
    let home = home_of_picker();
    let mut daemon = home.start();
    let mut events = daemon.events("").started();
    let owner = process();
    let port = port_for(&home, owner.id()).unwrap();
    let whose = json!({"pid": owner.id(), "command": "cat"});
    let lease = daemon.ask("GET", "/v1/leases?anonymous=true", "").json(200)["leases"][0].clone();
    assert_eq!(lease["port"], port);
    assert_eq!(lease["owner"], whose);
    assert_eq!(lease["labels"], json!({"via": "portpicker"}));
    assert_eq!(lease["project"], "-");
    let metrics = daemon.ask("GET", "/metrics", "");
    let metrics = String::from_utf8(metrics.body).unwrap();
    for line in [
        "portlease_leases{state=\"reserved\"} 1",
        "portlease_grants_total 1",
        "portlease_port_server_requests_total{outcome=\"granted\",protocol=\"portpicker\"} 1",
    ] {
        assert!(metrics.contains(line), "no {line} in {metrics}");
    }
    assert_eq!(events.expect("lease.granted").data["owner"], whose);
    end(owner);
    assert_eq!(events.expect("lease.expired").data["owner"], whose);
}

#[test]
fn statistics_on_sigusr1() {
    let home = home_of_picker();
    let daemon = home.start();
    let us = std::process::id();
    port_for(&home, us).unwrap();
    port_for(&home, us).unwrap();
    assert_eq!(port_for(&home, 1), None);
    assert_eq!(ask(&home, "x"), b"");
    assert_eq!(ask(&home, "y\n"), b"");
    daemon.signal(Signal::USR1);
    let last = "total-allocations 2";
    wait_for(PATIENCE, || daemon.said().contains(last).then_some(()))
        .unwrap_or_else(|| panic!("no statistics: {}", daemon.said()));
    for line in ["client-request-errors 2", "denied-allocations 1", "num-ports-managed 16"] {
        assert!(daemon.said().contains(line), "no {line}: {}", daemon.said());
    }
    assert!(daemon.said().contains("num-ports-checked-for-last-request "));
    assert!(port_for(&home, us).is_some(), "it goes on");
}

fn listed(daemon: &mut Daemon<'_>) -> Vec<Value> {
    daemon.list()["leases"].as_array().unwrap().clone()
}

fn port_of(lease: &Value) -> u16 {
    u16::try_from(lease["port"].as_u64().unwrap()).unwrap()
}

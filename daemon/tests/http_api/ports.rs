//! What is on a port, and what listens on the machine, with real sockets.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::OwnedFd,
    process::{Command, Stdio},
};

use portleased::clock::Stopwatch;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, listen, socket_with, sockopt};
use serde_json::{Value, json};

use crate::server::TestServer;

/// A socket as a program without SO_REUSEADDR makes it.
fn bound(port: u16) -> OwnedFd {
    let fd = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    bind(&fd, &SocketAddr::from((Ipv4Addr::LOCALHOST, port))).unwrap();
    fd
}

fn report(server: &TestServer, port: u16) -> Value {
    server.get(&format!("/v1/ports/{port}")).json(200)
}

/// `free`, `reason`, and of each socket what is named.
fn told(report: &Value, of_sockets: &[&str]) -> Value {
    let row = |socket: &Value| of_sockets.iter().map(|field| socket[field].clone()).collect::<Value>();
    let sockets: Value = report["sockets"].as_array().unwrap().iter().map(row).collect();
    json!([report["free"], report["reason"], sockets])
}

#[test]
fn a_free_port() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    assert_eq!(
        report(&server, port),
        json!({
            "port": port, "free": true, "reason": null, "excluded": null, "sockets": [], "holders": [],
            "lease": null, "well_known": null,
        })
    );
    let lease = server.put("myapp/web", &json!({"port": port}).to_string()).json(201);
    assert_eq!(report(&server, port)["lease"], lease);
}

/// Asked in a row, so that what was told just before would do.
#[test]
fn a_holder_that_becomes_another_program() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "read line; exec cat"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = shell.stderr(OwnedFd::from(listener)).spawn().unwrap();
    drop(shell);
    let commands = || {
        let holders = report(&server, port)["holders"].clone();
        holders.as_array().unwrap().iter().map(|holder| holder["command"].clone()).collect::<Vec<_>>()
    };
    // What another test has just forked has our files for a moment.
    let watch = Stopwatch::start();
    while commands() != [json!("sh -c read line; exec cat")] {
        assert!(watch.elapsed().as_secs() < 20, "{:?}", commands());
    }
    assert_eq!(commands(), commands());
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    input.write_all(b"go\nx").unwrap();
    output.read_exact(&mut [0]).unwrap();
    assert_eq!(commands(), [json!("cat")]);
    drop(input);
    child.wait().unwrap();
    assert_eq!(told(&report(&server, port), &[]), json!([true, null, []]));
}

#[test]
fn a_hold_of_ours_is_in_nobodys_way() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    let lease = server.put("myapp/web", &json!({"port": port, "hold": true}).to_string()).json(201);
    assert_eq!(lease["hold"], true);
    let before = report(&server, port);
    assert_eq!((told(&before, &[]), &before["holders"]), (json!([true, null, []]), &json!([])));
    assert_eq!(before["lease"], lease);
    let list = server.get("/v1/ports?listening=false").json(200);
    assert!(list["ports"].as_array().unwrap().iter().all(|entry| entry["port"] != port), "{list}");
    // The app binds straight through it.
    let _app = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    let bound = report(&server, port);
    assert_eq!(told(&bound, &["state"]), json!([false, "in_use", [["listening"]]]));
    assert_eq!(bound["lease"]["state"], "bound");
}

#[test]
fn a_listener_and_its_connections() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    server.put("myapp/web", &json!({"port": port}).to_string()).json(201);
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).unwrap();
    let gone = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let mut left = listener.accept().unwrap().0;
    let _client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    // The client that closes first keeps the TIME_WAIT, so here it is the server.
    left.set_nonblocking(false).unwrap();
    drop(std::mem::replace(&mut left, listener.accept().unwrap().0));
    io::copy(&mut &gone, &mut io::sink()).unwrap();
    drop(gone);

    let serving = report(&server, port);
    assert_eq!(told(&serving, &["state"]), json!([false, "in_use", [["listening"]]]));
    let report = server.get(&format!("/v1/ports/{port}?connections=true")).json(200);
    assert_eq!(serving["holders"][0]["pid"], report["holders"][0]["pid"]);
    let pid = std::process::id();
    let mapped = "::ffff:127.0.0.1";
    assert_eq!(
        told(&report, &["transport", "address", "dual_stack", "state", "exposed", "pid"]),
        json!([
            false,
            "in_use",
            [
                ["tcp", "::", true, "listening", true, pid],
                ["tcp", mapped, null, "connected", false, pid],
                ["tcp", mapped, null, "time_wait", false, null],
            ]
        ])
    );
    let sockets = report["sockets"].as_array().unwrap();
    assert_eq!(sockets[0]["queue"]["waiting"], 0);
    assert!(sockets[1]["remote"].as_str().unwrap().starts_with("[::ffff:127.0.0.1]:"));
    assert_eq!((&sockets[2]["inode"], &sockets[2]["user"]), (&Value::Null, &Value::Null));

    let [holder] = &report["holders"].as_array().unwrap()[..] else { panic!("{report}") };
    assert_eq!(holder["pid"], pid);
    assert_eq!(holder["cwd"], json!(std::env::current_dir().unwrap()));
    let inodes = [&sockets[0]["inode"], &sockets[1]["inode"]];
    assert!(inodes.iter().all(|inode| holder["inodes"].as_array().unwrap().contains(inode)), "{report}");
    assert_eq!(holder["parents"][0]["pid"], std::os::unix::process::parent_id());
    assert_eq!(holder["stopped"], false);
    assert_eq!(report["lease"]["state"], "bound");
    assert_eq!(report["lease"]["holder"]["pid"], pid);
}

#[test]
fn every_kind_of_socket_has_its_reason() {
    let server = TestServer::start();
    let at = |index| server.ports.at(index);
    let fields = ["transport", "address", "dual_stack", "state", "exposed"];
    let check = |port: u16, reason: &str, sockets: Value| {
        let report = report(&server, port);
        assert_eq!(told(&report, &fields), json!([false, reason, sockets]), "{report}");
        assert!(
            report["sockets"]
                .as_array()
                .unwrap()
                .iter()
                .all(|socket| socket["inode"].is_null() || socket["pid"] == std::process::id())
        );
    };

    let _udp = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, at(0))).unwrap();
    check(at(0), "in_use", json!([["udp", "0.0.0.0", null, "listening", true]]));

    let connected = UdpSocket::bind((Ipv4Addr::LOCALHOST, at(1))).unwrap();
    connected.connect((Ipv4Addr::LOCALHOST, 9)).unwrap();
    check(at(1), "connected", json!([["udp", "127.0.0.1", null, "connected", false]]));

    let _bound = bound(at(2));
    check(at(2), "bound", json!([["tcp", "127.0.0.1", null, "bound", false]]));

    let only6 = socket_with(AddressFamily::INET6, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    sockopt::set_ipv6_v6only(&only6, true).unwrap();
    bind(&only6, &SocketAddr::from((Ipv6Addr::UNSPECIFIED, at(3)))).unwrap();
    listen(&only6, 1).unwrap();
    check(at(3), "in_use", json!([["tcp", "::", false, "listening", true]]));

    // The source port of a connection.
    let client = bound(at(4));
    let to = TcpListener::bind("127.0.0.1:0").unwrap();
    connect(&client, &to.local_addr().unwrap()).unwrap();
    check(at(4), "connected", json!([["tcp", "127.0.0.1", null, "connected", false]]));

    // The server that closes first is left in TIME_WAIT, and without
    // SO_REUSEADDR that keeps everybody off.
    let bare = bound(at(5));
    listen(&bare, 1).unwrap();
    let client = TcpStream::connect((Ipv4Addr::LOCALHOST, at(5))).unwrap();
    drop(rustix::net::accept(&bare).unwrap());
    io::copy(&mut &client, &mut io::sink()).unwrap();
    drop((client, bare));
    check(at(5), "leftovers", json!([["tcp", "127.0.0.1", null, "time_wait", false]]));
    assert_eq!(report(&server, at(5))["holders"], json!([]));
}

#[test]
fn a_port_can_be_free_and_excluded_and_have_a_name() {
    let server = TestServer::start();
    let report = report(&server, 29_418);
    assert_eq!(
        (&report["excluded"], &report["well_known"]),
        (&json!("it is the port of Gerrit"), &json!("Gerrit"))
    );
}

#[test]
fn the_listeners_of_the_machine() {
    let server = TestServer::start();
    let (local, open, idle) = (server.ports.at(0), server.ports.at(1), server.ports.at(2));
    server.put("myapp/web", &json!({"port": local}).to_string()).json(201);
    let _local = TcpListener::bind((Ipv4Addr::LOCALHOST, local)).unwrap();
    let _open = TcpListener::bind((Ipv4Addr::UNSPECIFIED, open)).unwrap();
    let _open_udp = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, open)).unwrap();
    let _idle = bound(idle);
    let ours = |query: &str| -> Value {
        let list = server.get(&format!("/v1/ports{query}")).json(200);
        let ports: Vec<u64> =
            list["ports"].as_array().unwrap().iter().map(|entry| entry["port"].as_u64().unwrap()).collect();
        assert!(ports.is_sorted());
        let ours = |entry: &&Value| [local, open, idle].iter().any(|port| entry["port"] == *port);
        let row = |entry: &Value| {
            assert_eq!(entry["holder"]["pid"], std::process::id(), "{entry}");
            let name = entry["lease"]["state"].clone();
            json!([
                entry["port"],
                entry["transport"],
                entry["address"],
                entry["state"],
                entry["exposed"],
                name
            ])
        };
        list["ports"].as_array().unwrap().iter().filter(ours).map(row).collect()
    };
    let rows = [
        json!([local, "tcp", "127.0.0.1", "listening", false, "bound"]),
        json!([open, "tcp", "0.0.0.0", "listening", true, null]),
        json!([open, "udp", "::", "listening", true, null]),
        json!([idle, "tcp", "127.0.0.1", "bound", false, null]),
    ];
    for (query, shown) in [
        ("", &rows[..3]),
        ("?listening=true", &rows[..3]),
        ("?listening=false", &rows[..]),
        ("?exposed=true", &rows[1..3]),
        ("?exposed=false", &rows[..1]),
        ("?exposed=true&listening=false", &rows[1..3]),
    ] {
        assert_eq!(ours(query), json!(shown), "{query}");
    }
}

#[test]
fn what_is_not_understood_is_refused() {
    let server = TestServer::start();
    for target in [
        "/v1/ports?exposed=yes",
        "/v1/ports?exposed=",
        "/v1/ports?listen=true",
        "/v1/ports?exposed=true&exposed=true",
        "/v1/ports/0",
        "/v1/ports/65536",
        "/v1/ports/web",
        "/v1/ports/+3000",
        "/v1/ports/%1B%5B2J",
    ] {
        server.refused(422, "invalid_request", || server.get(target));
    }
}

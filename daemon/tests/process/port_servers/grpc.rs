//! The protocol of gRPC's port server.

use std::{collections::BTreeSet, io::BufRead, io::BufReader, net::TcpListener};

use super::*;
use crate::daemon::wait_for;

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {answer:?}"))
}

/// A client that ends once it has its port, as curl does.
fn short_lived(home: &Home) -> u16 {
    let script = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{0} && printf 'GET /get HTTP/1.1\\r\\nHost: localhost:{0}\\r\\n\\r\\n' >&3 && cat <&3",
        grpc_port(home)
    );
    let answer = Command::new("bash").args(["-c", &script]).output().unwrap();
    body(&String::from_utf8(answer.stdout).unwrap()).parse().unwrap()
}

/// A client that asks, tells its port, and lives on until its input ends.
fn long_lived(home: &Home) -> (Child, u16) {
    let script = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{0}; printf 'GET /get HTTP/1.1\\r\\nHost: localhost:{0}\\r\\n\\r\\n' >&3; \
         while read -r line <&3 && [ \"$line\" != $'\\r' ]; do :; done; read -r port <&3; exec 3<&-; echo $port; \
         read -r end",
        grpc_port(home)
    );
    let mut client = Command::new("bash")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(client.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (client, line.trim().parse().unwrap())
}

#[test]
fn each_request_as_the_client_needs_it() {
    let home = home_of_grpc();
    let mut daemon = home.start();
    let first: u16 = body(&get(&home, "/get")).parse().unwrap();
    assert!(first > 1024);
    let v6 = SocketAddr::new("::1".parse().unwrap(), grpc_port(&home));
    let second: u16 = body(&get_from(v6, "/get", "")).parse().unwrap();
    assert_ne!(first, second);
    assert_eq!(body(&get(&home, "/version_number")), "21");

    let dump = body(&get(&home, "/dump")).to_owned();
    let (in_use, pool) = dump.split_once("pool:\n").unwrap();
    assert!(in_use.starts_with("in_use:\n"), "{dump}");
    for port in [first, second] {
        assert!(in_use.contains(&format!("\n  {port}: 0.")), "{dump}");
        assert!(!pool.contains(&format!("- {port}\n")), "{dump}");
    }
    assert!(pool.lines().all(|line| line.strip_prefix("- ").is_some_and(|port| port.parse::<u16>().is_ok())));

    daemon.put("myapp/web").json(201);
    let other = daemon.list()["leases"].as_array().unwrap().iter().find(|l| l["project"] == "myapp").unwrap()
        ["port"]
        .clone();
    for port in [first.to_string(), first.to_string(), "1".to_owned(), other.to_string()] {
        assert_eq!(body(&get(&home, &format!("/drop/{port}"))), "");
    }
    let left: Vec<_> =
        daemon.list()["leases"].as_array().unwrap().iter().map(|lease| lease["port"].clone()).collect();
    assert_eq!(left, [second.into(), other], "a project's port is not for them to drop");

    assert_eq!(status(&get(&home, "/drop/x")), "400");
    assert_eq!(status(&get(&home, "/")), "404");
}

/// Ports are dropped by number, and numbers may be old.
#[test]
fn what_others_were_given_is_not_for_them_to_drop() {
    let home =
        home(|home| format!("portpicker = [\"@{}\"]\ngrpc_port_server = {}", name(home), grpc_port(home)));
    let mut daemon = home.start();
    let pickers = port_for(&home, std::process::id()).unwrap();
    let labelled =
        daemon.ask("PUT", "/v1/leases/myapp/web", r#"{"labels": {"via": "grpc"}}"#).json(201)["port"].clone();
    let own = body(&get(&home, "/get")).to_owned();
    for port in [pickers.to_string(), labelled.to_string(), own] {
        assert_eq!(body(&get(&home, &format!("/drop/{port}"))), "");
    }
    let left: BTreeSet<u64> = daemon.list()["leases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|lease| lease["port"].as_u64().unwrap())
        .collect();
    assert_eq!(left, BTreeSet::from([pickers.into(), labelled.as_u64().unwrap()]));
}

#[test]
fn a_page_in_a_browser_has_no_part_in_it() {
    let home = home_of_grpc();
    let _daemon = home.start();
    let address = SocketAddr::from(([127, 0, 0, 1], grpc_port(&home)));
    for headers in [
        "Origin: http://localhost:3000\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
    ] {
        for path in ["/get", "/quitquitquit"] {
            assert_eq!(status(&get_from(address, path, headers)), "403", "{headers}");
        }
    }
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /get HTTP/1.1\r\nHost: evil.example\r\n\r\n").unwrap();
    assert_eq!(status(&String::from_utf8(rest(stream)).unwrap()), "403");
    let mut stream = TcpStream::connect(address).unwrap();
    let host = format!("localhost:{}", address.port());
    stream.write_all(format!("HEAD /get HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(status(&String::from_utf8(rest(stream)).unwrap()), "405");
    assert!(body(&get(&home, "/dump")).starts_with("in_use: {}\n"));
}

#[test]
fn it_ends_when_it_is_told_to_and_the_daemon_does_not() {
    let home = home_of_grpc();
    let mut daemon = home.start();
    assert_eq!(body(&get(&home, "/quitquitquit")), "");
    let address = SocketAddr::from(([127, 0, 0, 1], grpc_port(&home)));
    wait_for(PATIENCE, || TcpStream::connect(address).err()).expect("nobody listens there any more");
    daemon.put("myapp/web").json(201);
}

#[test]
fn when_it_is_dry_nobody_loses_a_port() {
    let home = home_of_grpc();
    let mut daemon = home.start();
    let (client, alive) = long_lived(&home);
    let lease = daemon.list()["leases"][0].clone();
    assert_eq!((&lease["port"], &lease["expires_at"]), (&alive.into(), &serde_json::Value::Null));
    assert_eq!(lease["owner"]["pid"], client.id());
    assert_eq!(lease["labels"], serde_json::json!({"via": "grpc"}));

    // A client that has ended keeps its port for ten minutes.
    let ended = short_lived(&home);
    let _bound = TcpListener::bind(("127.0.0.1", short_lived(&home))).unwrap();
    let mut given = BTreeSet::from([alive, ended, _bound.local_addr().unwrap().port()]);
    assert_eq!(given.len(), 3);
    let dry = loop {
        let answer = get(&home, "/get");
        if status(&answer) != "200" {
            break answer;
        }
        assert!(given.insert(body(&answer).parse().unwrap()), "twice: {answer}");
    };
    assert_eq!(status(&dry), "503");
    assert_eq!(given.len(), usize::from(POOL) * 9 / 10);

    daemon.kill();
    let mut daemon = home.start();
    assert_eq!(status(&get(&home, "/get")), "503");
    let owner_of = |daemon: &mut crate::daemon::Daemon<'_>, port: u16| {
        let leases = daemon.list()["leases"].as_array().unwrap().clone();
        leases.into_iter().find(|lease| lease["port"] == port).expect("its lease")
    };
    assert_eq!(owner_of(&mut daemon, alive)["owner"]["pid"], client.id());
    let outlived = owner_of(&mut daemon, ended);
    assert!(outlived["expires_at"].is_string(), "{outlived}");
    assert!(outlived["owner"]["pid"].is_null(), "{outlived}");

    let mut events = daemon.events("").started();
    end(client);
    let changed = events.expect("lease.changed").data;
    assert_eq!(changed["port"], alive);
    assert!(owner_of(&mut daemon, alive)["expires_at"].is_string());
    assert_eq!(body(&get(&home, &format!("/drop/{ended}"))), "");
    assert_eq!(body(&get(&home, "/get")), ended.to_string());
}

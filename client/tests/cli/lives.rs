//! Leases that end by themselves, and how they are kept from it.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    process::{Command, Stdio},
};

use insta::assert_snapshot;

use super::{apart::home_apart, fails, show, support::Home};

#[test]
fn a_lease_for_a_time() {
    let home = home_apart();
    let lease = home.run(&["get", "app", "--ttl", "600", "--json"]).json();
    let renewed = home.run(&["renew", "app", "--json"]).json();
    assert_eq!(renewed["id"], lease["id"]);
    assert!(renewed["expires_at"].as_str() > lease["expires_at"].as_str());
    let longer = home.run(&["renew", "app", "--ttl", "6000", "--json"]).json();
    let names = [
        (longer["port"].to_string(), "[port]"),
        (longer["expires_at"].as_str().unwrap().to_owned(), "[end]"),
    ];
    assert!(show(&home, &["show", "app"], &names).contains("expires   [end]"));
    assert_snapshot!(show(&home, &["get", "app", "--ttl", "60"], &names), @r#"
    $ portlease get app --ttl 60
    error: app/default has port [port] already, and its TTL is 6000 s, not 60 s
    hint: to choose anew, add --reset ("reset": true); to keep it, ask without
    [exit 1]
    "#);
    home.run(&["get", "stays"]);
    let stays = [(home.run(&["get", "stays"]).port().unwrap().to_string(), "[port]")];
    assert_snapshot!(show(&home, &["renew", "stays"], &stays), @r#"
    $ portlease renew stays
    portlease: stays/default (port [port]) stays until it is released; there is nothing to renew
    [exit 0]
    "#);
    assert_snapshot!(show(&home, &["renew", "stays", "--ttl", "60"], &[]), @r#"
    $ portlease renew stays --ttl 60
    error: stays/default stays until it is released, so there is nothing to renew for a time
    hint: give it a TTL by a PUT with "reset": true, or release it: portlease release stays default
    [exit 1]
    "#);
    fails(&home.run(&["renew", "nobody"]), 3);
    for bad in ["0", "-1", "1h", "31536001"] {
        fails(&home.run(&["get", "app", "--ttl", bad]), 2);
        fails(&home.run(&["renew", "app", "--ttl", bad]), 2);
    }
}

#[test]
fn a_lease_with_an_owner() {
    let home = home_apart();
    let mut owner = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    let pid = owner.id().to_string();
    assert_eq!(home.run(&["get", "app", "--owner-pid", &pid]).code, 0);
    assert!(home.run(&["show", "app"]).stdout.contains(&format!("owner     cat (pid {pid})")));
    owner.kill().unwrap();
    owner.wait().unwrap();
    // Whoever asks finds it ended, however soon it is.
    fails(&home.run(&["show", "app"]), 3);
    assert_snapshot!(show(&home, &["get", "app", "--owner-pid", &pid], &[(pid.clone(), "[pid]")]), @r#"
    $ portlease get app --owner-pid [pid]
    error: process [pid] cannot own a lease: there is no such process
    hint: owner_pid is the id of a process that runs
    [exit 2]
    "#);
    for bad in ["0", "-1", "x"] {
        fails(&home.run(&["get", "app", "--owner-pid", bad]), 2);
    }
}

fn post_anonymous(home: &Home) {
    let mut stream = UnixStream::connect(home.dir().join("run/portlease.sock")).unwrap();
    let body = r#"{"count": 2, "ttl_s": 600}"#;
    let head = "Host: x\r\nConnection: close\r\nContent-Type: application/json";
    write!(stream, "POST /v1/leases HTTP/1.1\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
}

#[test]
fn anonymous_leases_are_listed_when_asked_for() {
    let home = home_apart();
    let port = home.run(&["get", "app"]).port().unwrap().to_string();
    post_anonymous(&home);
    assert_snapshot!(show(&home, &["list"], &[(port, "[port]")]), @r#"
    $ portlease list
    PROJECT  SERVICE  PORT   STATE     HOLDER
    app      default  [port]  reserved
    portlease: anonymous leases: 2; --all lists them, too
    [exit 0]
    "#);
    assert_eq!(home.run(&["list", "--all"]).stdout.lines().count(), 4);
    assert_eq!(home.run(&["list", "--all", "--json"]).json()["leases"].as_array().unwrap().len(), 3);
    fails(&home.run(&["get", "-"]), 2);
}

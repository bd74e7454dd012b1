//! Leases that end by themselves, and the events of it, across kill -9.

use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::daemon::{Daemon, Home};

fn owner() -> Child {
    Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

fn end(mut owner: Child) {
    owner.kill().unwrap();
    owner.wait().unwrap();
}

fn get(daemon: &mut Daemon<'_>, name: &str, body: &Value) -> Value {
    daemon.ask("PUT", &format!("/v1/leases/{name}"), &body.to_string()).json(201)
}

#[test]
fn a_killed_daemon_forgets_no_term_no_owner_and_no_hold() {
    let home = Home::new();
    let mut daemon = home.start();
    let (lives, dies) = (owner(), owner());
    let term = get(&mut daemon, "a/term", &json!({"ttl_s": 1000}));
    let owned = get(&mut daemon, "a/lives", &json!({"owner_pid": lives.id()}));
    get(&mut daemon, "a/dies", &json!({"owner_pid": dies.id()}));
    let held = get(&mut daemon, "a/held", &json!({"hold": true}));
    daemon.kill();
    // Its owner ends while no daemon is there to see it.
    end(dies);

    let mut daemon = home.start();
    assert_eq!(daemon.ask("GET", "/v1/leases/a/dies", "").status, 404);
    for (name, lease) in [("a/term", &term), ("a/lives", &owned), ("a/held", &held)] {
        assert_eq!(daemon.ask("GET", &format!("/v1/leases/{name}"), "").json(200), *lease);
    }
    let socket =
        rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None).unwrap();
    let port = u16::try_from(held["port"].as_u64().unwrap()).unwrap();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    assert_eq!(rustix::net::bind(&socket, &address), Err(rustix::io::Errno::ADDRINUSE));

    let mut events = daemon.events("").started();
    end(lives);
    assert_eq!(events.expect("lease.expired").data["service"], "lives");
    assert_eq!(daemon.ask("GET", "/v1/leases/a/lives", "").status, 404);
}

#[test]
fn ids_of_events_grow_across_restarts_and_the_gap_is_told() {
    let home = Home::new();
    let mut daemon = home.start();
    let mut last = 0;
    for round in 0..3 {
        let mut events = match round {
            0 => daemon.events("").started(),
            _ => {
                let mut events = daemon.events(&format!("Last-Event-ID: {last}\r\n"));
                assert!(events.expect("reset").id > last);
                events
            }
        };
        daemon.put(&format!("app/s{round}")).json(201);
        let granted = events.expect("lease.granted");
        assert!(granted.id > last, "{} after {last}", granted.id);
        last = granted.id;
        daemon.kill();
        daemon = home.start();
    }
}

#[test]
fn a_stream_shows_that_it_lives_and_is_told_of_the_end() {
    let home = Home::new();
    let mut daemon = home.start();
    let mut events = daemon.events("").started();
    assert_eq!(events.head.status, 200);
    events.heartbeat(std::time::Duration::from_secs(18));
    daemon.signal(rustix::process::Signal::TERM);
    assert_eq!(events.next().map(|message| message.event).as_deref(), Some("shutdown"));
    assert_eq!(events.next(), None);
    assert!(daemon.exit(std::time::Duration::from_secs(2)).success());
}

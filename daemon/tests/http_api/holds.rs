//! Holds, with real sockets: who gets through, and when there is none.

use std::net::TcpListener;

use portlease_proto::Port;
use portleased::sockets::{SocketState, Sockets, SystemSockets};
use rustix::io::Errno;
use serde_json::{Value, json};

use crate::{
    server::TestServer,
    support::{plain::listen_plainly, run::Run},
};

/// The sockets on a port that keep it and do not listen: the kernel's word,
/// since the API does not show what is ours.
fn holds(port: u16) -> usize {
    let rows = SystemSockets.on_port(Port::new(port).unwrap()).unwrap();
    rows.iter().filter(|row| row.state == SocketState::BoundOnly).count()
}

#[test]
fn a_hold_keeps_others_away_and_a_claim_alone_does_not() {
    let server = TestServer::start();
    let (held, free) = (server.ports.at(0), server.ports.at(1));
    server.put("myapp/web", &json!({"port": held, "hold": true}).to_string()).json(201);
    server.put("myapp/api", &json!({"port": free}).to_string()).json(201);
    assert_eq!(listen_plainly(held).unwrap_err(), Errno::ADDRINUSE);
    listen_plainly(free).expect("a claim is in no app's way");
}

#[test]
fn a_hold_goes_when_the_app_listens_and_comes_when_it_is_gone() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    let mut events = server.events("/v1/events", "").started();
    server.put("myapp/web", &json!({"port": port, "hold": true}).to_string()).json(201);
    events.expect("lease.granted");
    assert_eq!(holds(port), 1);
    for _ in 0..2 {
        let app = TcpListener::bind(("127.0.0.1", port)).expect("SO_REUSEADDR gets through");
        events.expect("lease.bound");
        assert_eq!(holds(port), 0);
        drop(app);
        events.expect("lease.unbound");
        assert_eq!(listen_plainly(port).unwrap_err(), Errno::ADDRINUSE, "held again");
    }
}

#[test]
fn what_is_run_gets_the_port_whatever_it_sets_and_the_hold_comes_back() {
    let server = TestServer::start();
    let (port, elsewhere) = (server.ports.at(0), server.ports.at(1));
    server.put("myapp/web", &json!({"port": port, "hold": true}).to_string()).json(201);
    let mut run = Run::serving(elsewhere);
    let lease = server.put("myapp/web", &json!({"run_pid": run.pid()}).to_string()).json(200);
    assert_eq!(lease["hold"], true);
    let app = listen_plainly(port).expect("the hold went before the answer");
    drop(app);
    let mut events = server.events("/v1/events", "").started();
    run.end_first();
    events.until(|message| message.event == "lease.changed");
    assert_eq!(server.get("/v1/leases/myapp/web").json(200)["run_pid"], Value::Null);
    assert_eq!(listen_plainly(port).unwrap_err(), Errno::ADDRINUSE);
}

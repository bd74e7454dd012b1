//! `GET /v1/events`.

use std::net::TcpListener;

use portleased::clock::{Clock, SystemClock};
use serde_json::json;

use crate::{
    server::TestServer,
    support::http::{PATIENCE, request},
};

#[test]
fn every_change_of_a_lease_once_and_in_order() {
    let server = TestServer::start();
    let mut events = server.events("/v1/events", "").started();
    assert_eq!(events.head.status, 200);
    assert_eq!(events.head.header("content-type"), Some("text/event-stream"));
    assert_eq!(events.head.header("cache-control"), Some("no-cache"));
    let start: u64 = events.last_id.parse().unwrap();

    let lease = server.put("myapp/web", &json!({"port": server.ports.at(1)}).to_string()).json(201);
    server.put("myapp/web", "{}").json(200);
    server.put("myapp/web", r#"{"labels": {"a": "b"}}"#).json(200);
    let moved = json!({"port": server.ports.at(2), "reset": true}).to_string();
    let moved = server.put("myapp/web", &moved).json(200);
    let batch = r#"{"services": {"api": {}, "db": {"ttl_s": 100}}}"#;
    server.ask("PUT", "/v1/projects/myapp", batch).json(201);
    server.ask("POST", "/v1/leases/myapp/db/renew", r#"{"ttl_s": 200}"#).json(200);
    server.ask("DELETE", "/v1/leases/myapp", "");

    for (step, (kind, service)) in [
        ("lease.granted", "web"),
        ("lease.changed", "web"),
        ("lease.moved", "web"),
        ("lease.granted", "api"),
        ("lease.granted", "db"),
        ("lease.renewed", "db"),
        ("lease.released", "api"),
        ("lease.released", "db"),
        ("lease.released", "web"),
    ]
    .into_iter()
    .enumerate()
    {
        let message = events.expect(kind);
        assert_eq!(message.id, start + 1 + step as u64);
        assert_eq!(message.data["event"], kind);
        assert_eq!((&message.data["service"], &message.data["project"]), (&json!(service), &json!("myapp")));
        if kind == "lease.moved" {
            assert_eq!(message.data["changed"], moved["changed"]);
            assert_eq!(message.data["id"], lease["id"]);
        }
    }
}

#[test]
fn who_comes_to_a_port_and_who_goes() {
    let server = TestServer::start();
    let mut events = server.events("/v1/events", "").started();
    let lease = server.put("myapp/web", "{}").json(201);
    events.expect("lease.granted");
    let port = u16::try_from(lease["port"].as_u64().unwrap()).unwrap();
    let app = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let bound = events.expect("lease.bound");
    assert_eq!(bound.data["holder"]["pid"], std::process::id());
    drop(app);
    events.expect("lease.unbound");
    let _exposed = TcpListener::bind(("0.0.0.0", port)).unwrap();
    events.expect("lease.bound");
    assert_eq!(events.expect("port.exposed").data["port"], port);
}

#[test]
fn a_client_that_was_cut_off_goes_on_where_it_was() {
    let server = TestServer::start();
    let mut events = server.events("/v1/events", "").started();
    server.put("myapp/a", "{}").json(201);
    events.expect("lease.granted");
    let last = events.last_id.clone();
    drop(events);
    server.put("myapp/b", "{}").json(201);
    server.put("other/c", "{}").json(201);
    let mut events = server.events("/v1/events", &format!("Last-Event-ID: {last}\r\n"));
    for service in ["b", "c"] {
        assert_eq!(events.expect("lease.granted").data["service"], service);
    }
    let mut of_project = server.events("/v1/events?project=other", &format!("Last-Event-ID: {last}\r\n"));
    assert_eq!(of_project.expect("lease.granted").data["service"], "c");
}

#[test]
fn a_gap_is_told_and_the_stream_goes_on() {
    let server = TestServer::start();
    server.put("myapp/a", "{}").json(201);
    for id in ["0", "7", "999999999", "18446744073709551615"] {
        let mut events = server.events("/v1/events", &format!("Last-Event-ID: {id}\r\n"));
        let reset = events.expect("reset");
        assert!(reset.data["because"].as_str().unwrap().contains("read the leases anew"));
        server.put("myapp/b", "{}").json(201);
        assert_eq!(events.expect("lease.granted").id, reset.id + 1);
        server.ask("DELETE", "/v1/leases/myapp/b", "");
    }
}

#[test]
fn what_is_refused() {
    let server = TestServer::start();
    for id in ["x", "-1", "1.5", "18446744073709551616"] {
        let mut connection = server.unix();
        connection.send(format!("GET /v1/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: {id}\r\n\r\n"));
        connection.answer().problem(422, "invalid_request");
    }
    server.get("/v1/events?prject=x").problem(422, "invalid_request");
    server.get("/v1/events?project=%20").problem(422, "invalid_request");
    server.ask("POST", "/v1/events", "{}").problem(405, "method_not_allowed");
}

#[test]
fn there_are_no_more_than_32_streams() {
    let server = TestServer::start();
    let streams: Vec<_> = (0..32).map(|_| server.events("/v1/events", "").started()).collect();
    let problem = server.get("/v1/events").problem(429, "limit_reached");
    assert!(problem["detail"].as_str().unwrap().contains("streams"), "{problem}");
    // Others are served as ever.
    server.put("myapp/web", "{}").json(201);
    drop(streams);
    // The places are free again as soon as the server has seen them go.
    let deadline = SystemClock.now().boot + PATIENCE;
    loop {
        let mut connection = server.unix();
        connection.send(request("GET", "/v1/events", ""));
        if connection.head().status == 200 {
            break;
        }
        assert!(SystemClock.now().boot < deadline, "no place became free");
        std::thread::yield_now();
    }
}

#[test]
fn a_daemon_that_stops_says_goodbye() {
    let server = TestServer::start();
    let mut events = server.events("/v1/events", "").started();
    // Nothing happens, and it shows that it lives.
    events.heartbeat(2 * PATIENCE);
    let drained = server.drain();
    assert_eq!(events.next().map(|message| message.event).as_deref(), Some("shutdown"));
    assert_eq!(events.next(), None);
    drained.recv_timeout(PATIENCE).expect("streams do not hold it up");
}

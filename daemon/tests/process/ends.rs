//! Signals.

use std::time::Duration;

use rustix::process::Signal;

use crate::{
    daemon::Home,
    support::http::{Connection, request},
};

/// What a service manager and a person at a terminal wait for.
const PATIENCE: Duration = Duration::from_secs(2);

#[test]
fn a_signal_ends_it_and_nothing_stale_is_left() {
    for signal in [Signal::TERM, Signal::INT] {
        let home = Home::new();
        let mut daemon = home.start();
        daemon.put("myapp/web").json(201);
        // Clients that stay connected do not keep it alive.
        let (mut used, mut fresh) = (daemon.connect(), daemon.connect());
        used.send(request("GET", "/v1/health", ""));
        used.answer().json(200);
        assert!(home.socket().exists() && home.path("run/endpoint.json").exists());

        daemon.signal(signal);
        let status = daemon.exit(PATIENCE);
        assert!(status.success(), "{signal:?}: {status}");
        assert!(!home.socket().exists() && !home.path("run/endpoint.json").exists());
        assert!(used.rest().is_empty() && fresh.rest().is_empty());

        let lease = home.start().put("myapp/web").json(200);
        assert_eq!(lease["state"], "reserved");
    }
}

#[test]
fn a_request_under_way_is_answered_before_it_ends() {
    let home = Home::new();
    let mut daemon = home.start();
    let (mut under_way, mut idle) = (daemon.connect(), daemon.connect());
    under_way.send(
        "PUT /v1/leases/myapp/web HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
    );
    assert_eq!(under_way.head().status, 100);
    daemon.signal(Signal::TERM);
    idle.patience(PATIENCE);
    assert!(idle.rest().is_empty());
    under_way.send("{}");
    let lease = under_way.answer().json(201);
    assert!(daemon.exit(PATIENCE).success());
    assert_eq!(home.start().put("myapp/web").json(200), lease);
}

#[test]
fn a_client_that_never_finishes_is_not_waited_for_long() {
    let home = Home::new();
    let mut daemon = home.start();
    let mut never = daemon.connect();
    never.send(
        "PUT /v1/leases/myapp/web HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
    );
    assert_eq!(never.head().status, 100);
    daemon.signal(Signal::TERM);
    assert!(daemon.exit(2 * PATIENCE).success());
    assert!(Connection::unix(&home.socket()).is_err());
}

/// A request whose body is still to come.
fn begin_request(daemon: &mut crate::daemon::Daemon<'_>) -> Connection {
    let mut connection = daemon.connect();
    connection.send(
        "PUT /v1/leases/myapp/web HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
    );
    assert_eq!(connection.head().status, 100);
    connection
}

#[test]
fn it_drains_what_is_under_way_and_streams_get_a_last_event() {
    let home = Home::new();
    let mut daemon = home.start();
    let (mut stream, mut idle) = (daemon.events("").started(), daemon.connect());
    let mut under_way = begin_request(&mut daemon);
    daemon.signal(Signal::TERM);
    idle.patience(PATIENCE);
    assert!(idle.rest().is_empty());
    let last = stream.next().expect("a last event");
    assert_eq!((last.event.as_str(), stream.next()), ("shutdown", None));
    assert!(Connection::unix(&home.socket()).is_err(), "it takes more");
    under_way.send("{}");
    let answer = under_way.answer();
    assert_eq!(answer.header("connection"), Some("close"));
    answer.json(201);
    assert!(under_way.rest().is_empty());
    assert!(daemon.exit(PATIENCE).success());
    assert!(!daemon.said().contains("did not end"), "{}", daemon.said());
}

#[test]
fn a_second_signal_waits_for_nobody() {
    let home = Home::new();
    let mut daemon = home.start();
    let (mut never, mut idle) = (begin_request(&mut daemon), daemon.connect());
    daemon.signal(Signal::TERM);
    // So the first one has been heard.
    assert!(idle.rest().is_empty());
    daemon.signal(Signal::INT);
    assert!(daemon.exit(PATIENCE).success());
    let said = daemon.said();
    assert!(said.contains("SIGINT again") && !said.contains("did not end within"), "{said}");
    assert!(never.rest().is_empty());
    assert!(!home.socket().exists() && !home.path("run/endpoint.json").exists());
}

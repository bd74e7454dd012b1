//! Connections: kept, closed, cut off and drained.

use std::{sync::mpsc::TryRecvError, time::Duration};

use crate::{
    server::TestServer,
    support::http::{PATIENCE, request},
};

#[test]
fn a_connection_is_kept_for_more_requests() {
    let server = TestServer::start();
    let mut connection = server.unix();
    for (status, body) in [(201, "{}"), (200, "{}"), (200, "")] {
        connection.send(request("PUT", "/v1/leases/myapp/web", body));
        connection.answer().json(status);
    }
    // A refusal is no reason to hang up, nor is a body that nobody reads.
    connection.send(request("GET", "/no/such/path", "{}"));
    connection.answer().problem(404, "not_found");
    // Several at once are answered in order.
    let get = request("GET", "/v1/leases/myapp/web", "");
    connection.send(format!("{get}{}{get}", request("DELETE", "/v1/leases/myapp/web", "")));
    connection.answer().json(200);
    assert_eq!(connection.answer().status, 204);
    connection.answer().problem(404, "no_such_lease");
}

#[test]
fn a_client_may_ask_for_the_end_of_the_connection() {
    let server = TestServer::start();
    for head in ["GET /v1/health HTTP/1.0\r\n\r\n", "GET /v1/health HTTP/1.1\r\nConnection: close\r\n\r\n"] {
        let mut connection = server.unix();
        connection.send(head);
        connection.answer().json(200);
        assert_eq!(connection.rest(), b"");
    }
    let mut connection = server.unix();
    connection.send("GET /v1/health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    connection.answer().json(200);
    connection.send("GET /v1/health HTTP/1.0\r\n\r\n");
    connection.answer().json(200);
}

#[test]
fn head_gets_the_head_of_what_get_gets() {
    let server = TestServer::start();
    server.put("myapp/web", "").json(201);
    for (target, status) in
        [("/v1/health", 200), ("/v1/leases", 200), ("/v1/leases/myapp/web", 200), ("/no", 404)]
    {
        let got = server.get(target);
        let mut connection = server.unix();
        connection.send(request("HEAD", target, ""));
        let head = connection.head();
        assert_eq!(head.status, status);
        for name in ["content-type", "content-length"] {
            assert_eq!(head.header(name), got.header(name), "{target}");
        }
        // Nothing stands between this answer and the next.
        connection.send(request("GET", "/v1/health", ""));
        connection.answer().json(200);
    }
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let server = TestServer::start();
    let head = |lines: &str| format!("GET /v1/health HTTP/1.1\r\nHost: {}\r\n{lines}\r\n", server.address);
    let lines = |count: usize| (0..count).map(|i| format!("X-{i}: 1\r\n")).collect::<String>();
    let long = |length: usize| format!("X: {}\r\n", "x".repeat(length));
    for (what, head) in [
        ("17 KiB in one line", head(&long(17 * 1024))),
        ("17 KiB in many lines", head(&long(300).repeat(57))),
        ("100 KiB", head(&long(100 * 1024))),
        ("65 lines", head(&lines(64))),
        ("1,000 lines", head(&lines(1000))),
        ("a long path", format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(17 * 1024))),
        ("no HTTP", "HELO example.org\r\n\r\n".to_owned()),
        ("control characters", head("X: \u{0}\r\n")),
        ("two lengths", head("Content-Length: 1\r\nContent-Length: 2\r\n")),
        ("a length that is none", head("Content-Length: -1\r\n")),
        ("bytes that are no text", "GET /\u{7f}\u{1} HTTP/1.1\r\n\r\n".to_owned()),
    ] {
        let mut connection = server.tcp();
        connection.send(head);
        let answer = connection.head();
        assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
        connection.rest();
        server.list();
    }
    for head in [head(&lines(63)), head(&long(15 * 1024))] {
        let mut connection = server.tcp();
        connection.send(head);
        connection.answer().json(200);
    }
}

#[test]
fn half_a_head_keeps_a_connection_for_five_seconds_and_nobody_else() {
    let server = TestServer::start();
    let (mut half, mut nothing) = (server.tcp(), server.tcp());
    half.send("GET /v1/health HTTP/1.1\r\nHost: loc");
    for _ in 0..3 {
        server.put("myapp/web", "");
    }
    // The deadline of a read in these tests is longer.
    half.rest();
    nothing.rest();
    server.list();
}

#[test]
fn a_client_that_goes_in_the_midst_of_a_request_changes_nothing() {
    let server = TestServer::start();
    let whole = request("PUT", "/v1/leases/myapp/web", r#"{"labels": {}}"#);
    for sent in [10, whole.len() - 14, whole.len() - 1] {
        let mut connection = server.unix();
        connection.send(&whole[..sent]);
        drop(connection);
        assert_eq!(server.list()["leases"].as_array().map(Vec::len), Some(0), "{sent}");
    }
}

#[test]
fn a_request_under_way_is_finished_when_the_server_ends() {
    let server = TestServer::start();
    let (mut under_way, mut idle) = (server.unix(), server.tcp());
    under_way.send(
        "PUT /v1/leases/myapp/web HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
    );
    // The server asks for the body, so it has the head.
    assert_eq!(under_way.head().status, 100);
    under_way.send("{");

    let drained = server.drain();
    // That the idle connection ends says that the draining has begun. By itself
    // it would end after five seconds.
    idle.patience(Duration::from_secs(2));
    assert_eq!(idle.rest(), b"");
    assert_eq!(drained.try_recv(), Err(TryRecvError::Empty));

    under_way.send("}");
    under_way.answer().json(201);
    assert_eq!(under_way.rest(), b"");
    drained.recv_timeout(PATIENCE).expect("nothing is left to wait for");
}

//! What the daemon says of itself.

use serde_json::json;

use crate::{server::TestServer, support::http::Connection};

/// Over both doors, with GET and HEAD.
fn everywhere(server: &TestServer, check: impl Fn(&mut Connection, &str)) {
    check(&mut server.unix(), "localhost");
    check(&mut server.tcp(), &server.address.to_string());
}

#[test]
fn it_is_healthy_and_ready() {
    let server = TestServer::start();
    everywhere(&server, |connection, host| {
        connection.send(format!("GET /v1/ready HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(connection.answer().json(200), json!({"status": "ready"}));
        connection.send(format!("HEAD /v1/ready HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(connection.head().status, 200);
        connection.send(format!("GET /v1/health HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(connection.answer().json(200)["status"], "ok");
    });
}

#[test]
fn a_registry_taken_away_is_back_when_it_says_ready() {
    let server = TestServer::start();
    server.put("myapp/web", "").json(201);
    let registry = server.dir().join("registry.db");
    std::fs::remove_file(&registry).unwrap();
    server.get("/v1/ready").json(200);
    assert!(registry.exists());
}

/// The value of a sample.
fn sample(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

#[test]
fn what_is_counted_is_what_has_happened() {
    let server = TestServer::start();
    let metrics = || {
        let answer = server.get("/metrics");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        String::from_utf8(answer.body).unwrap()
    };
    let before = metrics();
    for name in ["portlease_grants_total", "portlease_store_commit_seconds_count"] {
        assert_eq!(sample(&before, name), 0.0, "{name}");
    }
    let exactly = |index| format!("{{\"port\": {}}}", server.ports.at(index));
    server.put("myapp/web", &exactly(0)).json(201);
    server.put("myapp/web", &exactly(0)).json(200);
    server.put("myapp/db", &exactly(1)).json(201);
    let port = server.ports.at(2);
    let _stranger = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    server.put("myapp/cache", &exactly(2)).problem(409, "port_in_use");

    let text = metrics();
    assert_eq!(sample(&text, "portlease_grants_total"), 2.0);
    assert_eq!(sample(&text, "portlease_store_commit_seconds_count"), 2.0);
    assert!(sample(&text, "portlease_probe_seconds_count") >= 4.0);
    assert_eq!(sample(&text, "portlease_leases{state=\"reserved\"}"), 2.0);
    assert_eq!(sample(&text, "portlease_leases{state=\"taken\"}"), 0.0);
    // Other tests of this process are refused, too.
    assert!(sample(&text, "portlease_refusals_total{code=\"port_in_use\"}") >= 1.0);
    for foreign in ["myapp", &port.to_string()] {
        assert!(!text.contains(foreign), "{foreign} in {text}");
    }
}

#[test]
fn metrics_are_read_over_both_doors_and_not_written() {
    let server = TestServer::start();
    everywhere(&server, |connection, host| {
        connection.send(format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(connection.answer().status, 200);
        connection.send(format!("HEAD /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(connection.head().status, 200);
    });
}

#[test]
fn the_machine_is_looked_at() {
    let server = TestServer::start();
    let root = tempfile::tempdir().unwrap();
    let path = root.path().canonicalize().unwrap();
    let port = server.ports.at(0);
    server.put("myapp/web", &json!({"port": port, "root": path}).to_string()).json(201);
    let of = |id: &str| {
        let checks = server.get("/v1/diagnosis").json(200)["checks"].clone();
        checks.as_array().unwrap().iter().find(|check| check["id"] == id).unwrap().clone()
    };
    assert_eq!(of("roots")["status"], "ok");
    assert!(of("ports")["summary"].as_str().unwrap().starts_with("1 leased, "), "{}", of("ports"));
    drop(root);
    assert_eq!(of("roots")["fix"], "give its port back: portlease release myapp web");
    // A lost registry is written anew.
    std::fs::remove_file(server.dir().join("registry.db")).unwrap();
    assert_eq!(of("store")["status"], "ok");
    assert!(server.dir().join("registry.db").exists());
}

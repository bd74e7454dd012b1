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

//! `POST /v1/leases`: anonymous leases.

use serde_json::{Value, json};

use crate::server::TestServer;

fn post(server: &TestServer, body: &Value) -> Value {
    server.ask("POST", "/v1/leases", &body.to_string()).json(201)
}

#[test]
fn ports_without_a_name() {
    let server = TestServer::start();
    server.put("myapp/web", "{}").json(201);
    let granted = post(&server, &json!({"count": 3, "ttl_s": 60, "labels": {"suite": "unit"}}));
    let leases = granted["leases"].as_array().unwrap();
    assert_eq!(leases.len(), 3);
    for lease in leases {
        assert_eq!(lease["project"], "-");
        assert_eq!(lease["service"], lease["id"]);
        assert_eq!(lease["labels"], json!({"suite": "unit"}));
        assert!(lease["expires_at"].is_string());
        let path = format!("/v1/leases/-/{}", lease["id"].as_str().unwrap());
        assert_eq!(server.get(&path).json(200), *lease);
    }
    for (query, count) in [("", 4), ("?anonymous=true", 3), ("?anonymous=false", 1), ("?project=-", 3)] {
        let listed = server.get(&format!("/v1/leases{query}")).json(200);
        assert_eq!(listed["leases"].as_array().unwrap().len(), count, "{query}");
    }
    server.get("/v1/leases?anonymous=maybe").problem(422, "invalid_request");

    let first = format!("/v1/leases/-/{}", leases[0]["id"].as_str().unwrap());
    assert_eq!(server.ask("DELETE", &first, "").status, 204);
    server.get(&first).problem(404, "no_such_lease");
    assert_eq!(server.ask("DELETE", "/v1/leases/-", "").status, 204);
    assert_eq!(server.list()["leases"].as_array().unwrap().len(), 1);
}

#[test]
fn one_unless_more_are_asked_for_and_in_a_row_if_asked() {
    let server = TestServer::start();
    assert_eq!(post(&server, &json!({"ttl_s": 60}))["leases"].as_array().unwrap().len(), 1);
    let row = post(&server, &json!({"ttl_s": 60, "count": 4, "contiguous": true}));
    let ports: Vec<u64> =
        row["leases"].as_array().unwrap().iter().map(|lease| lease["port"].as_u64().unwrap()).collect();
    assert!(ports.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{ports:?}");
}

#[test]
fn what_is_refused() {
    let server = TestServer::start();
    for (body, named) in [
        ("", "needs an end: ttl_s or owner_pid"),
        (r#"{"count": 2}"#, "needs an end"),
        (r#"{"ttl_s": 60, "count": 0}"#, "nonzero"),
        (r#"{"ttl_s": 60, "count": 1025}"#, "more than 1024"),
        (r#"{"ttl_s": 0}"#, "from 1 to 31536000"),
        (r#"{"ttl_s": 31536001}"#, "from 1 to 31536000"),
        (r#"{"ttl_s": 60, "port": 3000}"#, "unknown field `port`"),
        (r#"{"owner_pid": 4294967295}"#, "process 4294967295 cannot own a lease"),
    ] {
        let problem = server.refused(422, "invalid_request", || server.ask("POST", "/v1/leases", body));
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(named), "{body}: {detail}");
    }
    server.refused(422, "invalid_name", || server.put("-/web", "{}"));
    // The pool has sixteen ports, and a part of it is kept for projects.
    let body = json!({"ttl_s": 60, "count": 15}).to_string();
    server.refused(429, "limit_reached", || server.ask("POST", "/v1/leases", &body));
}

//! What is granted, shown and released.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::server::TestServer;

/// The fields of a lease, as DESIGN.md lists them.
const FIELDS: [&str; 16] = [
    "id",
    "project",
    "service",
    "port",
    "protocol",
    "url",
    "state",
    "holder",
    "labels",
    "hold",
    "created_at",
    "renewed_at",
    "expires_at",
    "owner_pid",
    "root",
    "changed",
];

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

fn names(list: &Value) -> Vec<String> {
    let name = |lease: &Value| {
        format!("{}/{}", lease["project"].as_str().unwrap(), lease["service"].as_str().unwrap())
    };
    list["leases"].as_array().unwrap().iter().map(name).collect()
}

#[test]
fn a_put_grants_and_the_same_put_finds() {
    let server = TestServer::start();
    let lease = server.put("myapp/web", "{}").json(201);
    let port = u16::try_from(lease["port"].as_u64().unwrap()).unwrap();
    assert!(server.ports.pool().ports().any(|there| there.get() == port));
    assert_eq!(server.put("myapp/web", "{}").json(200), lease);
    assert_eq!(server.get("/v1/leases/myapp/web").json(200), lease);
    assert_eq!(server.list(), json!({"leases": [lease]}));
}

#[test]
fn an_empty_body_asks_for_what_an_empty_object_does() {
    let server = TestServer::start();
    let lease = server.put("myapp/web", "").json(201);
    for body in ["", "{}", " \r\n", " { } "] {
        assert_eq!(server.put("myapp/web", body).json(200), lease, "{body:?}");
    }
    let mut without_length = server.unix();
    without_length.send("PUT /v1/leases/myapp/web HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(without_length.answer().json(200), lease);
}

#[test]
fn a_lease_has_every_field_and_no_other() {
    let server = TestServer::start();
    let mut fields = FIELDS;
    fields.sort_unstable();
    let lease = server.put("myapp@x/web", "{}").json(201);
    assert_eq!(keys(&lease), fields);

    for (field, expected) in [
        ("project", json!("myapp@x")),
        ("service", json!("web")),
        ("protocol", json!("both")),
        ("url", json!(format!("http://localhost:{}", lease["port"]))),
        ("state", json!("reserved")),
        ("holder", Value::Null),
        ("labels", json!({})),
        ("hold", json!(false)),
        ("expires_at", Value::Null),
        ("owner_pid", Value::Null),
        ("root", Value::Null),
        ("changed", Value::Null),
    ] {
        assert_eq!(lease[field], expected, "{field}");
    }
    assert!(lease["id"].as_str().is_some_and(|id| !id.is_empty()));
    assert!(lease["port"].is_u64());
    for time in ["created_at", "renewed_at"] {
        assert!(humantime::parse_rfc3339(lease[time].as_str().unwrap()).is_ok(), "{time}");
    }
}

#[test]
fn what_is_asked_for_is_in_the_lease() {
    let server = TestServer::start();
    let root = server.dir().canonicalize().unwrap();
    let port = server.ports.at(5);
    let body = json!({
        "port": port, "protocol": "udp", "root": root, "labels": {"a": "ä"}, "explain": true,
    });
    let lease = server.put("myapp/web", &body.to_string()).json(201);
    for (field, expected) in [
        ("port", json!(port)),
        ("protocol", json!("udp")),
        ("url", json!(format!("udp://localhost:{port}"))),
        ("root", json!(root)),
        ("labels", json!({"a": "ä"})),
        ("explain", json!({"start": null, "skipped": [], "skipped_count": 0})),
    ] {
        assert_eq!(lease[field], expected, "{field}");
    }
}

#[test]
fn a_preferred_port_is_given_and_what_was_skipped_is_explained() {
    let server = TestServer::start();
    let (first, second) = (server.ports.at(2), server.ports.at(9));
    server.put("other/web", &json!({"port": first}).to_string()).json(201);
    let body = json!({"prefer": [first, second], "explain": true});
    let lease = server.put("myapp/web", &body.to_string()).json(201);
    assert_eq!(lease["port"], second);
    let skipped = &lease["explain"]["skipped"];
    assert_eq!(*skipped, json!([{"port": first, "reason": "leased", "detail": "other/web has it"}]));
}

#[test]
fn leases_are_listed_by_project_and_service() {
    let server = TestServer::start();
    assert_eq!(server.list(), json!({"leases": []}));
    for name in ["b/web", "a/web", "b/api", "a@2/web", "a/db", "B/web"] {
        server.put(name, "").json(201);
    }
    assert_eq!(names(&server.list()), ["B/web", "a/db", "a/web", "a@2/web", "b/api", "b/web"]);
    let of_b = server.get("/v1/leases/b").json(200);
    assert_eq!(names(&of_b), ["b/api", "b/web"]);
    assert_eq!(names(&server.get("/v1/leases/a%402").json(200)), ["a@2/web"]);
    assert_eq!(of_b["leases"][1], server.get("/v1/leases/b/web").json(200));
}

#[test]
fn what_is_released_is_gone() {
    let server = TestServer::start();
    for name in ["a/web", "b/api", "b/db", "b/web"] {
        server.put(name, "").json(201);
    }
    let gone = server.ask("DELETE", "/v1/leases/b/db", "");
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    assert_eq!(gone.header("content-type"), None);
    assert_eq!(names(&server.list()), ["a/web", "b/api", "b/web"]);
    assert_eq!(server.ask("DELETE", "/v1/leases/b", "").status, 204);
    assert_eq!(names(&server.list()), ["a/web"]);

    for (method, target) in [
        ("DELETE", "/v1/leases/b"),
        ("DELETE", "/v1/leases/b/web"),
        ("DELETE", "/v1/leases/a/db"),
        ("GET", "/v1/leases/b"),
        ("GET", "/v1/leases/b/web"),
        ("GET", "/v1/leases/a/db"),
    ] {
        server.refused(404, "no_such_lease", || server.ask(method, target, ""));
    }
}

#[test]
fn an_app_on_its_port_is_shown() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    server.put("myapp/web", &json!({"port": port}).to_string()).json(201);
    // This process stands for the app.
    let _app = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let lease = server.put("myapp/web", "").json(200);
    assert_eq!((&lease["state"], &lease["port"]), (&json!("bound"), &json!(port)));
    assert_eq!(keys(&lease["holder"]), ["command", "cwd", "pid", "since", "user"]);
    assert_eq!(lease["holder"]["pid"], std::process::id());
    assert_eq!(server.get("/v1/leases/myapp/web").json(200), lease);
    assert_eq!(server.list()["leases"][0], lease);
}

#[test]
fn a_stranger_on_the_port_makes_the_lease_move() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    // This process works in another directory, so it is a stranger there.
    let ask = json!({"prefer": port, "root": server.dir()}).to_string();
    server.put("myapp/web", &ask).json(201);
    let _stranger = TcpListener::bind(("127.0.0.1", port)).unwrap();
    assert_eq!(server.get("/v1/leases/myapp/web").json(200)["state"], "taken");

    let strict = json!({"strict": true}).to_string();
    let problem = server.refused(409, "port_in_use", || server.put("myapp/web", &strict));
    assert_eq!(problem["holder"]["pid"], std::process::id());

    let lease = server.put("myapp/web", &ask).json(200);
    let changed = &lease["changed"];
    assert_eq!((&changed["from"], &changed["to"]), (&json!(port), &lease["port"]));
    assert_ne!(lease["port"], port);
    assert!(changed["because"].as_str().unwrap().contains(&format!("pid {}", std::process::id())));
    // Told once.
    assert_eq!(server.put("myapp/web", &ask).json(200)["changed"], Value::Null);
}

#[test]
fn names_may_be_percent_encoded_and_as_long_as_the_rule_says() {
    let server = TestServer::start();
    let longest = "x".repeat(63);
    server.put(&format!("my%61pp%40{longest}/{longest}"), "").json(201);
    assert_eq!(names(&server.list()), [format!("myapp@{longest}/{longest}")]);
}

#[test]
fn a_list_can_be_filtered_and_read_in_pieces() {
    let server = TestServer::start();
    for name in ["a/db", "a/web", "b/web", "c/web"] {
        server.put(name, "{}").json(201);
    }
    let port = server.get("/v1/leases/b/web").json(200)["port"].as_u64().unwrap();
    let _app = TcpListener::bind(("127.0.0.1", u16::try_from(port).unwrap())).unwrap();
    for (query, expected) in [
        ("", &["a/db", "a/web", "b/web", "c/web"][..]),
        ("?", &["a/db", "a/web", "b/web", "c/web"]),
        ("?project=a", &["a/db", "a/web"]),
        ("?project=nobody", &[]),
        ("?state=bound", &["b/web"]),
        ("?state=reserved&limit=2", &["a/db", "a/web"]),
        ("?limit=3", &["a/db", "a/web", "b/web"]),
        ("?limit=3&after=b/web", &["c/web"]),
        ("?after=a%2Fwat", &["a/web", "b/web", "c/web"]),
        ("?after=c/web", &[]),
    ] {
        assert_eq!(names(&server.get(&format!("/v1/leases{query}")).json(200)), expected, "{query}");
    }
}

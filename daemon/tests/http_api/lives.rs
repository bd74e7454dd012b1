//! Leases that end by themselves, over HTTP, with real processes and clocks.

use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::server::TestServer;

struct Owner(Child);

impl Owner {
    fn start() -> Self {
        Self(Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap())
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    fn end(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_lease_ends_with_its_owner() {
    let server = TestServer::start();
    let owner = Owner::start();
    let mut events = server.events("/v1/events", "").started();
    let lease = server.put("myapp/web", &json!({"owner_pid": owner.pid()}).to_string()).json(201);
    assert_eq!(lease["owner_pid"], owner.pid());
    events.expect("lease.granted");
    owner.end();
    let ended = events.expect("lease.expired");
    assert_eq!((&ended.data["id"], &ended.data["port"]), (&lease["id"], &lease["port"]));
    server.get("/v1/leases/myapp/web").problem(404, "no_such_lease");
}

#[test]
fn a_lease_ends_when_its_time_is_over() {
    let server = TestServer::start();
    let mut events = server.events("/v1/events", "").started();
    let lease = server.put("myapp/web", r#"{"ttl_s": 1}"#).json(201);
    let granted = humantime::parse_rfc3339(lease["created_at"].as_str().unwrap()).unwrap();
    let ends = humantime::parse_rfc3339(lease["expires_at"].as_str().unwrap()).unwrap();
    assert_eq!(ends.duration_since(granted).unwrap().as_millis(), 1000);
    events.expect("lease.granted");
    let expired = events.expect("lease.expired");
    let at = humantime::parse_rfc3339(expired.data["at"].as_str().unwrap()).unwrap();
    assert!(at >= ends, "it ended early");
    server.get("/v1/leases/myapp/web").problem(404, "no_such_lease");
}

#[test]
fn a_renewed_lease_lives_on() {
    let server = TestServer::start();
    let lease = server.put("myapp/web", r#"{"ttl_s": 1000}"#).json(201);
    let renewed = server.ask("POST", "/v1/leases/myapp/web/renew", r#"{"ttl_s": 5000}"#).json(200);
    assert_eq!((&renewed["id"], &renewed["port"]), (&lease["id"], &lease["port"]));
    assert!(renewed["expires_at"].as_str() > lease["expires_at"].as_str());
    let again = server.ask("POST", "/v1/leases/myapp/web/renew", "").json(200);
    assert!(again["expires_at"].as_str() >= renewed["expires_at"].as_str());
    for (path, status, code) in [
        ("/v1/leases/myapp/none/renew", 404, "no_such_lease"),
        ("/v1/leases/my app/web/renew", 400, ""),
        ("/v1/leases/my%20app/web/renew", 422, "invalid_name"),
    ] {
        let answer = server.ask("POST", path, "{}");
        if code.is_empty() {
            assert_eq!(answer.status, status);
        } else {
            answer.problem(status, code);
        }
    }
    server.ask("POST", "/v1/leases/myapp/web/renew", r#"{"ttl": 1}"#).problem(422, "invalid_request");
    server.put("myapp/stays", "{}").json(201);
    server.ask("POST", "/v1/leases/myapp/stays/renew", r#"{"ttl_s": 1}"#).problem(409, "lease_differs");
}

#[test]
fn another_life_is_refused_unless_it_is_asked_for_anew() {
    let server = TestServer::start();
    server.put("myapp/web", r#"{"ttl_s": 1000}"#).json(201);
    let problem = server.refused(409, "lease_differs", || server.put("myapp/web", r#"{"ttl_s": 2000}"#));
    assert!(problem["detail"].as_str().unwrap().contains("its TTL is 1000 s, not 2000 s"), "{problem}");
    let owner = Owner::start();
    let body = json!({"owner_pid": owner.pid()});
    server.refused(409, "lease_differs", || server.put("myapp/web", &body.to_string()));
    let reset = json!({"owner_pid": owner.pid(), "reset": true});
    assert_eq!(server.put("myapp/web", &reset.to_string()).json(200)["owner_pid"], owner.pid());
    owner.end();
}

#[test]
fn a_held_port_is_kept_from_others_and_the_app_binds_through() {
    let server = TestServer::start();
    let lease = server.put("myapp/web", r#"{"hold": true, "protocol": "tcp"}"#).json(201);
    assert_eq!(lease["hold"], true);
    let port = u16::try_from(lease["port"].as_u64().unwrap()).unwrap();
    // std sets SO_REUSEADDR, as nearly all servers do.
    let app = std::net::TcpListener::bind(("127.0.0.1", port)).expect("the app binds");
    drop(app);
    let plain =
        rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None).unwrap();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    assert_eq!(rustix::net::bind(&plain, &address), Err(rustix::io::Errno::ADDRINUSE));
    assert_eq!(server.get("/v1/leases/myapp/web").json(200)["state"], "reserved", "a hold is no holder");
    assert_eq!(server.ask("DELETE", "/v1/leases/myapp/web", "").status, 204);
    rustix::net::bind(&plain, &address).expect("the hold went with the lease");
    server.put("myapp/web", r#"{"hold": true, "protocol": "udp"}"#).problem(422, "invalid_request");
}

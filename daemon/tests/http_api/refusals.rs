//! What is refused: with which words, and that nothing changes by it.

use std::net::{TcpListener, UdpSocket};

use serde_json::json;

use crate::{
    server::TestServer,
    support::{http::request, ports::POOL},
};

#[test]
fn a_problem_has_its_five_fields() {
    let server = TestServer::start();
    let problem = server.refused(404, "no_such_lease", || server.get("/v1/leases/a/b"));
    assert_eq!(
        problem,
        json!({
            "type": "urn:portlease:problem:no_such_lease",
            "title": "Not Found",
            "status": 404,
            "detail": "no lease a/b",
            "code": "no_such_lease",
            "hint": "see which there are: portlease list",
        })
    );
}

#[test]
fn a_body_that_makes_no_sense_is_refused_and_the_reason_named() {
    let server = TestServer::start();
    server.put("other/web", "").json(201);
    for (body, status, named) in [
        ("{", 400, "EOF while parsing"),
        ("{\"port\": }", 400, "line 1 column"),
        ("{} {}", 400, "trailing characters"),
        ("port=3000", 400, "expected"),
        ("\u{feff}{}", 400, "expected"),
        ("[]", 422, "a list, not an object"),
        (" [3000]", 422, "a list, not an object"),
        ("[", 422, "a list, not an object"),
        ("null", 422, "invalid type: null"),
        ("\"\"", 422, "invalid type"),
        (r#"{"prot": 1}"#, 422, "unknown field `prot`"),
        (r#"{"port": 3000, "port": 3000}"#, 422, "duplicate field `port`"),
        (r#"{"labels": {"a": "1", "a": "2"}}"#, 422, "duplicate key"),
        (r#"{"labels": {"a": 1}}"#, 422, "expected a string"),
        (r#"{"strict": "yes"}"#, 422, "expected a boolean"),
        (r#"{"protocol": "sctp"}"#, 422, "unknown variant `sctp`"),
        (r#"{"root": "here"}"#, 422, "not an absolute path"),
        (r#"{"root": "/no/such/place"}"#, 422, "/no/such/place"),
        (r#"{"\u001b[2J": 1}"#, 422, "\\u{1b}[2J"),
    ] {
        let problem = server.refused(status, "invalid_request", || server.put("myapp/web", body));
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(named), "{body}: {detail}");
    }
    // Bytes that are no text at all.
    let mut connection = server.unix();
    connection.send("PUT /v1/leases/myapp/web HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n");
    server.refused(400, "invalid_request", || {
        connection.send([0xff, 0xfe]);
        connection.answer()
    });
}

#[test]
fn what_is_no_port_is_refused() {
    let server = TestServer::start();
    for value in ["0", "-1", "65536", "\"3000\"", "\"web\"", "3.5", "1e3", "true", "[3000]", "{}", "1e20"] {
        for field in ["port", "prefer"] {
            if field == "prefer" && value == "[3000]" {
                continue; // It may be a list.
            }
            let body = format!("{{\"{field}\": {value}}}");
            let problem = server.refused(422, "invalid_request", || server.put("myapp/web", &body));
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("1 to 65535"), "{body}: {detail}");
        }
    }
}

#[test]
fn what_is_no_range_is_refused() {
    let server = TestServer::start();
    for (range, named) in [
        ("\"3999-3000\"", "reversed range 3999-3000: write 3000-3999"),
        ("\"3000\"", "invalid range"),
        ("\"0-10\"", "invalid port"),
        ("\"3000-65536\"", "invalid port"),
        ("[3000, 3999]", "expected a string"),
    ] {
        let body = format!("{{\"range\": {range}}}");
        let problem = server.refused(422, "invalid_request", || server.put("myapp/web", &body));
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(named), "{body}: {detail}");
    }
    let outside = r#"{"port": 4000, "range": "3000-3999"}"#;
    server.refused(422, "invalid_request", || server.put("myapp/web", outside));
    let both = r#"{"port": 3000, "prefer": [3001]}"#;
    server.refused(422, "invalid_request", || server.put("myapp/web", both));
}

/// A port from the range that the kernel serves outgoing connections from.
fn ephemeral_port() -> u16 {
    TcpListener::bind("[::]:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn an_excluded_port_is_given_only_by_force() {
    let server = TestServer::start();
    let port = ephemeral_port();
    let body = json!({"port": port, "protocol": "tcp"});
    let problem = server.refused(422, "port_excluded", || server.put("myapp/web", &body.to_string()));
    assert!(problem["detail"].as_str().unwrap().contains("outgoing connections"));
    assert!(problem["hint"].as_str().unwrap().contains("\"force\": true"));

    let forced = json!({"port": port, "protocol": "tcp", "force": true});
    assert_eq!(server.put("myapp/web", &forced.to_string()).json(201)["port"], port);
}

#[test]
fn ports_that_browsers_refuse_are_excluded() {
    let server = TestServer::start();
    for port in [6000, 6667, 10080] {
        let body = json!({"port": port}).to_string();
        let problem = server.refused(422, "port_excluded", || server.put("myapp/web", &body));
        assert!(problem["detail"].as_str().unwrap().contains("ERR_UNSAFE_PORT"), "{problem}");
    }
}

#[test]
fn the_api_does_not_lease_its_own_port() {
    let server = TestServer::start();
    let api = server.ports.at(3);
    server.manager.set_api_ports(vec![portlease_proto::Port::constant(api)]);
    let body = json!({"port": api}).to_string();
    let problem = server.refused(422, "port_excluded", || server.put("myapp/web", &body));
    assert_eq!(problem["hint"], "ask for another port");
}

#[test]
fn a_port_that_a_process_has_is_in_use_by_it() {
    let server = TestServer::start();
    let (tcp, udp) = (server.ports.at(1), server.ports.at(2));
    let _tcp = TcpListener::bind(("127.0.0.1", tcp)).unwrap();
    let _udp = UdpSocket::bind(("127.0.0.1", udp)).unwrap();
    for port in [tcp, udp] {
        let body = json!({"port": port}).to_string();
        let problem = server.refused(409, "port_in_use", || server.put("myapp/web", &body));
        let holder = &problem["holder"];
        assert_eq!(holder["pid"], std::process::id(), "{problem}");
        assert!(holder["command"].as_str().unwrap().contains("http_api"), "{problem}");
        assert!(holder["user"].as_str().is_some_and(|user| !user.is_empty()), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(&format!("pid {}", std::process::id())));
    }
}

#[test]
fn a_port_of_another_lease_is_leased_by_it() {
    let server = TestServer::start();
    let lease = server.put("other/web", "").json(201);
    let body = json!({"port": lease["port"]}).to_string();
    let problem = server.refused(409, "port_leased", || server.put("myapp/web", &body));
    assert_eq!(problem["lease"], lease);
    assert_eq!(problem["hint"], "free it: portlease release other web");
}

#[test]
fn a_port_just_released_cools_for_others_alone() {
    let server = TestServer::start();
    let body = json!({"port": server.ports.at(7)}).to_string();
    server.put("other/web", &body).json(201);
    assert_eq!(server.ask("DELETE", "/v1/leases/other/web", "").status, 204);
    let problem = server.refused(409, "port_cooling", || server.put("myapp/web", &body));
    assert!(problem["detail"].as_str().unwrap().contains("other"), "{problem}");
    server.put("other/api", &body).json(201);
}

#[test]
fn a_request_that_contradicts_the_lease_is_refused_with_it() {
    let server = TestServer::start();
    let (port, other) = (server.ports.at(1), server.ports.at(2));
    let root = server.dir().canonicalize().unwrap();
    let lease = server
        .put("myapp/web", &json!({"port": port, "protocol": "tcp", "root": root}).to_string())
        .json(201);
    for (body, how) in [
        (json!({"port": other}), format!("port {other} was asked for")),
        (json!({"range": format!("{other}-{other}")}), format!("a port in {other}-{other} was asked for")),
        (json!({"protocol": "udp"}), "its protocol is tcp, not udp".to_owned()),
        (json!({"root": "/"}), "not /".to_owned()),
    ] {
        let problem = server.refused(409, "lease_differs", || server.put("myapp/web", &body.to_string()));
        assert_eq!(problem["lease"], lease);
        assert!(problem["detail"].as_str().unwrap().contains(&how), "{problem}");
        assert!(problem["hint"].as_str().unwrap().contains("\"reset\": true"), "{problem}");
    }
    let reset = json!({"port": other, "reset": true}).to_string();
    let moved = server.put("myapp/web", &reset).json(200);
    assert_eq!((&moved["port"], &moved["id"]), (&json!(other), &lease["id"]));
    assert_eq!(moved["changed"], json!({"from": port, "to": other, "because": "asked to choose anew"}));
}

#[test]
fn an_exhausted_pool_is_refused() {
    let server = TestServer::start();
    for i in 0..POOL {
        server.put(&format!("app/service{i}"), "").json(201);
    }
    let problem = server.refused(409, "pool_exhausted", || server.put("app/one-more", ""));
    assert!(problem["detail"].as_str().unwrap().contains(&server.ports.pool().to_string()), "{problem}");
    let one = server.ports.at(0);
    let body = json!({"range": format!("{one}-{one}")}).to_string();
    server.refused(409, "pool_exhausted", || server.put("app/one-more", &body));
    // Who has a lease is served as ever.
    server.put("app/service0", "").json(200);
}

#[test]
fn a_project_has_only_so_many_leases() {
    let server = TestServer::with_limit(2);
    server.put("app/a", "").json(201);
    server.put("app/b", "").json(201);
    let problem = server.refused(429, "limit_reached", || server.put("app/c", ""));
    assert!(problem["detail"].as_str().unwrap().contains("app has 2 leases"), "{problem}");
    server.put("other/c", "").json(201);
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    const LARGE: usize = 70_000;
    let server = TestServer::start();
    let put = "PUT /v1/leases/myapp/web HTTP/1.1\r\nContent-Type: application/json\r\n";
    let host = format!("Host: {}\r\n", server.address);
    // An object that would be understood, if it were read to its end.
    let body = format!("{}{{}}", " ".repeat(LARGE - 2));
    let chunks = body.as_bytes().chunks(10_000).map(|chunk| {
        let text = std::str::from_utf8(chunk).unwrap();
        format!("{:x}\r\n{text}\r\n", chunk.len())
    });
    let streamed: String = chunks.collect();
    for (what, rest) in [
        ("sent at once", format!("Content-Length: {LARGE}\r\n\r\n{body}")),
        ("in chunks", format!("Transfer-Encoding: chunked\r\n\r\n{streamed}0\r\n\r\n")),
        // Refused at once, not when the patience with the body ends.
        ("announced", format!("Content-Length: {LARGE}\r\n\r\n")),
        ("announced as the largest there is", format!("Content-Length: {}\r\n\r\n", i64::MAX)),
    ] {
        for mut connection in [server.unix(), server.tcp()] {
            let problem = server.refused(413, "body_too_large", || {
                connection.send(format!("{put}{host}{rest}"));
                connection.answer()
            });
            assert!(problem["detail"].as_str().unwrap().contains("65536"), "{what}: {problem}");
        }
    }
    let largest = format!("{}{{}}", " ".repeat(64 * 1024 - 2));
    let mut connection = server.unix();
    connection.send(request("PUT", "/v1/leases/myapp/web", &largest));
    connection.answer().json(201);
}

#[test]
fn a_filter_that_is_not_understood_is_not_ignored() {
    let server = TestServer::start();
    server.put("a/web", "{}").json(201);
    for (query, named) in [
        ("projcet=a", "unknown field `projcet`"),
        ("project=a&project=b", "duplicate field `project`"),
        ("project=../x", "invalid project name"),
        ("state=free", "reserved, bound, taken or stale"),
        ("state=unknown", "reserved, bound, taken or stale"),
        ("limit=0", "nonzero"),
        ("limit=-1", "invalid digit"),
        ("limit=many", "invalid digit"),
        ("after=a", "PROJECT/SERVICE"),
    ] {
        let problem = server.refused(422, "invalid_request", || server.get(&format!("/v1/leases?{query}")));
        assert!(problem["detail"].as_str().unwrap().contains(named), "{query}: {problem}");
    }
    server.refused(422, "invalid_name", || server.get("/v1/leases?after=../x"));
}

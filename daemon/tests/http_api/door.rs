//! The door over TCP: what a web page could send is refused before anything
//! is looked at, and the Unix socket is open to what TCP is not.

use crate::{
    server::TestServer,
    support::http::{Answer, Connection},
};

/// A PUT with these header lines besides the length.
fn put(mut connection: Connection, target: &str, headers: &[String]) -> Answer {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    connection.send(format!("PUT {target} HTTP/1.1\r\n{headers}Content-Length: 2\r\n\r\n{{}}"));
    connection.answer()
}

const LEASE: &str = "/v1/leases/myapp/web";

#[test]
fn what_is_not_for_us_is_refused() {
    let server = TestServer::start();
    let port = server.address.port();
    let json = "Content-Type: application/json".to_owned();
    let host = format!("Host: 127.0.0.1:{port}");
    let with = |line: &str| vec![host.clone(), json.clone(), line.to_owned()];
    let to = |host: &str| vec![format!("Host: {host}"), json.clone()];
    for (headers, status, code) in [
        (vec![json.clone()], 400, "forbidden_host"),
        (with(&host), 400, "forbidden_host"),
        (to("evil.example"), 403, "forbidden_host"),
        (to(&format!("evil.example:{port}")), 403, "forbidden_host"),
        (to(&format!("127.0.0.1:{port}.evil.example")), 403, "forbidden_host"),
        (to("localhost"), 403, "forbidden_host"),
        (to(&format!("localhost:{}", port ^ 1)), 403, "forbidden_host"),
        // Not bound here.
        (to(&format!("[::1]:{port}")), 403, "forbidden_host"),
        (with("Origin: http://localhost:3000"), 403, "forbidden_origin"),
        (with(&format!("Origin: http://localhost:{port}")), 403, "forbidden_origin"),
        (with("Origin: https://evil.example"), 403, "forbidden_origin"),
        (with("Origin: null"), 403, "forbidden_origin"),
        (with("Sec-Fetch-Site: cross-site"), 403, "forbidden_origin"),
        (with("Sec-Fetch-Site: same-site"), 403, "forbidden_origin"),
        (with("Sec-Fetch-Site: none"), 403, "forbidden_origin"),
        (vec![host.clone()], 415, "unsupported_media_type"),
        (vec![host.clone(), "Content-Type: text/plain".to_owned()], 415, "unsupported_media_type"),
        (
            vec![host.clone(), "Content-Type: application/x-www-form-urlencoded".to_owned()],
            415,
            "unsupported_media_type",
        ),
        (with("Content-Type: text/plain"), 415, "unsupported_media_type"),
        (with("Content-Encoding: gzip"), 415, "unsupported_media_type"),
    ] {
        server.refused(status, code, || put(server.tcp(), LEASE, &headers));
    }
    let absolute = format!("http://127.0.0.1:{port}{LEASE}");
    server.refused(400, "invalid_request", || put(server.tcp(), &absolute, &[host.clone(), json.clone()]));
    assert_eq!(server.list()["leases"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_page_of_another_origin_can_neither_read_nor_release() {
    let server = TestServer::start();
    server.put("myapp/web", "").json(201);
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "POST"] {
        for target in ["/v1/leases", LEASE, "/v1/health", "/no/such/path"] {
            let before = server.list();
            let mut connection = server.tcp();
            connection.send(format!(
                "{method} {target} HTTP/1.1\r\nHost: {}\r\nOrigin: http://localhost:3000\r\n\
                 Access-Control-Request-Method: PUT\r\nContent-Length: 0\r\n\r\n",
                server.address
            ));
            let status = connection.head().status;
            assert_eq!((status, server.list()), (403, before), "{method} {target}");
        }
    }
}

#[test]
fn what_is_for_us_is_let_in() {
    let server = TestServer::start();
    let port = server.address.port();
    let json = || "Content-Type: application/json".to_owned();
    let host = || format!("Host: 127.0.0.1:{port}");
    let mut expected = 201;
    for headers in [
        vec![host(), json()],
        vec![format!("Host: LocalHost:{port}"), json()],
        vec![host(), "content-type: Application/JSON; charset=UTF-8".to_owned()],
        vec![host(), json(), format!("Origin: http://127.0.0.1:{port}")],
        vec![host(), json(), "Sec-Fetch-Site: same-origin".to_owned()],
    ] {
        put(server.tcp(), LEASE, &headers).json(expected);
        expected = 200;
    }
    // Typed into the address bar.
    let mut connection = server.tcp();
    connection.send(format!("GET {LEASE} HTTP/1.1\r\n{}\r\nSec-Fetch-Site: none\r\n\r\n", host()));
    connection.answer().json(200);
    // A preflight from our own origin is no more than a method that is not there.
    let mut connection = server.tcp();
    connection.send(format!("OPTIONS {LEASE} HTTP/1.1\r\n{}\r\n\r\n", host()));
    connection.answer().problem(405, "method_not_allowed");
}

#[test]
fn no_page_reaches_the_unix_socket_so_it_asks_for_nothing() {
    let server = TestServer::start();
    for (service, headers) in [
        ("a", vec![]),
        ("b", vec!["Host: portlease", "Content-Type: text/plain"]),
        ("c", vec!["Host: evil.example", "Origin: http://localhost:3000", "Sec-Fetch-Site: cross-site"]),
    ] {
        let headers: Vec<String> = headers.into_iter().map(ToOwned::to_owned).collect();
        put(server.unix(), &format!("/v1/leases/myapp/{service}"), &headers).json(201);
    }
}

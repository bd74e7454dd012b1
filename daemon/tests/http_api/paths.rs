//! Names in the path, paths that are not there, and methods that are not
//! possible: each is answered in problem+json.

use crate::{server::TestServer, support::http::Answer};

#[test]
fn a_name_that_breaks_the_rule_is_refused() {
    let server = TestServer::start();
    server.put("myapp/web", "").json(201);
    let too_long = "x".repeat(64);
    for name in [
        "-a",
        ".a",
        "_a",
        "..",
        ".",
        "a%20b",
        "a%2Fb",
        "..%2Fx",
        "%2e%2e%2fx",
        "..%5Cx",
        "%00",
        "a%00",
        "a%0Ab",
        "a%0D%0Ab",
        "%1B%5B2J",
        "%7F",
        "%C3%A9",
        "%E2%80%AEa",
        "%EF%BC%A1",
        "é",
        "a%40b%40c",
        "@a",
        "a@",
        "a+b",
        "a;b",
        // What is no UTF-8, or no percent-encoding.
        "%FF",
        "a%C3",
        "%C0%AF",
        "%ED%A0%80",
        "%",
        "%2",
        "%zz",
        "%u0041",
        &too_long,
    ] {
        for target in [format!("{name}/web"), format!("myapp/{name}"), format!("{name}/{name}")] {
            let problem = server.refused(422, "invalid_name", || server.put(&target, "{}"));
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("1 to 63 characters of A-Z a-z 0-9 . _ -"), "{target}: {detail}");
        }
        for (method, target) in [
            ("GET", format!("/v1/leases/{name}")),
            ("DELETE", format!("/v1/leases/{name}")),
            ("GET", format!("/v1/leases/{name}/web")),
            ("DELETE", format!("/v1/leases/myapp/{name}")),
        ] {
            server.refused(422, "invalid_name", || server.ask(method, &target, ""));
        }
    }
    // An empty segment is a name that is too short; at the end it is another path.
    let problem = server.refused(422, "invalid_name", || server.put("/web", "{}"));
    assert!(problem["detail"].as_str().unwrap().contains("project name \"\""), "{problem}");
    server.refused(404, "not_found", || server.put("myapp/", "{}"));
    // A service belongs to no checkout.
    server.refused(422, "invalid_name", || server.put("myapp/web@x", "{}"));
}

#[test]
fn a_path_that_is_not_there_is_not_found() {
    let server = TestServer::start();
    server.put("myapp/web", "").json(201);
    for target in [
        "/",
        "/v1",
        "/v1/",
        "/v2/leases",
        "/v1/lease",
        "/V1/health",
        "//v1/health",
        "/v1/health/",
        "/v1//health",
        "/v1/./health",
        "/v1/leases/",
        "/v1/leases/myapp/",
        "/v1/leases/myapp/web/",
        "/v1/leases/myapp/web/more",
        "/v1/%6ceases",
        "/%FF",
        "/v1/leases/myapp/web/%FF",
        "/%1B%5B2J",
        "*",
    ] {
        for method in ["GET", "PUT", "DELETE", "POST", "OPTIONS", "BREW"] {
            server.refused(404, "not_found", || server.ask(method, target, ""));
        }
    }
    // A query is no part of the path.
    server.get("/v1/leases/myapp/web?a=b&%FF").json(200);
}

fn allowed(answer: &Answer) -> Vec<&str> {
    let mut methods: Vec<&str> = answer.header("allow").expect("Allow").split(',').map(str::trim).collect();
    methods.sort_unstable();
    methods
}

#[test]
fn a_method_that_is_not_possible_is_refused_with_those_that_are() {
    let server = TestServer::start();
    server.put("myapp/web", "").json(201);
    for (target, expected) in [
        ("/v1/health", vec!["GET", "HEAD"]),
        ("/v1/ready", vec!["GET", "HEAD"]),
        ("/metrics", vec!["GET", "HEAD"]),
        ("/v1/leases", vec!["GET", "HEAD", "POST"]),
        ("/v1/projects/myapp", vec!["PUT"]),
        ("/v1/leases/myapp/web/renew", vec!["POST"]),
        ("/v1/events", vec!["GET", "HEAD"]),
        ("/v1/leases/myapp", vec!["DELETE", "GET", "HEAD"]),
        ("/v1/leases/myapp/web", vec!["DELETE", "GET", "HEAD", "PUT"]),
        // The method is looked at before the name.
        ("/v1/leases/myapp/%FF", vec!["DELETE", "GET", "HEAD", "PUT"]),
    ] {
        for method in ["GET", "PUT", "DELETE", "POST", "PATCH", "OPTIONS", "TRACE", "BREW"] {
            if expected.contains(&method) {
                continue;
            }
            let problem = server.refused(405, "method_not_allowed", || {
                let answer = server.ask(method, target, "{}");
                assert_eq!(allowed(&answer), expected, "{method} {target}");
                answer
            });
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.starts_with(&format!("{method} is not possible on /")), "{detail}");
        }
    }
}

#[test]
fn no_tunnel_is_opened() {
    let server = TestServer::start();
    let mut connection = server.unix();
    connection.send("CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n");
    connection.answer().problem(404, "not_found");
}

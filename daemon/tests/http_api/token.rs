//! The token: over TCP nothing is answered without it, and the Unix socket
//! asks for none.

use crate::{
    server::TestServer,
    support::http::{Answer, Connection},
};

const LEASE: &str = "/v1/leases/myapp/web";

fn ask(mut connection: Connection, method: &str, target: &str, host: &str, more: &[String]) -> Answer {
    let more: String = more.iter().map(|line| format!("{line}\r\n")).collect();
    connection.send(format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{more}\
         Content-Length: 2\r\n\r\n{{}}"
    ));
    connection.answer()
}

#[test]
fn without_it_nothing_is_answered_and_nothing_happens() {
    let server = TestServer::with_token();
    let (good, host) = (server.token.reveal(), server.address.to_string());
    let wrong = if good.starts_with('0') { good.replacen('0', "1", 1) } else { format!("0{}", &good[1..]) };
    let line = |token: &str| format!("Authorization: Bearer {token}");
    for lines in [
        vec![],
        vec![line(&wrong)],
        vec![line(&good[1..])],
        vec![line(good), line(good)],
        vec![line(good), line(&wrong)],
        vec![format!("Authorization: Basic {good}")],
        vec![format!("Cookie: token={good}")],
        vec![format!("X-Authorization: Bearer {good}")],
    ] {
        for (method, target) in
            [("PUT", LEASE), ("GET", "/v1/leases"), ("GET", "/v1/health"), ("DELETE", LEASE), ("GET", "/no")]
        {
            let mut scheme = None;
            let problem = server.refused(401, "token_required", || {
                let answer = ask(server.tcp(), method, target, &host, &lines);
                scheme = answer.header("www-authenticate").map(ToOwned::to_owned);
                answer
            });
            assert_eq!(scheme.as_deref(), Some("Bearer"), "{lines:?}");
            assert!(problem["hint"].as_str().unwrap().contains("portlease token"), "{problem}");
            assert!(!problem.to_string().contains(good), "{problem}");
        }
    }
    // In the address it is no token, and it is not repeated in the answer's own words.
    let target = format!("/v1/leases?access_token={good}");
    server.refused(401, "token_required", || ask(server.tcp(), "GET", &target, &host, &[]));
}

#[test]
fn with_it_everything_is_as_ever() {
    let server = TestServer::with_token();
    let host = server.address.to_string();
    let line = [format!("Authorization: Bearer {}", server.token.reveal())];
    let lease = ask(server.tcp(), "PUT", LEASE, &host, &line).json(201);
    assert_eq!(ask(server.tcp(), "GET", LEASE, &host, &line).json(200)["id"], lease["id"]);
    // The other rules come before it, and it overrules none.
    let page = [line[0].clone(), "Origin: http://localhost:3000".to_owned()];
    server.refused(403, "forbidden_origin", || ask(server.tcp(), "DELETE", LEASE, &host, &page));
    server.refused(403, "forbidden_host", || ask(server.tcp(), "DELETE", LEASE, "evil.example", &line));
}

#[test]
fn the_unix_socket_asks_for_none() {
    let server = TestServer::with_token();
    server.put("myapp/web", "").json(201);
    let wrong = ["Authorization: Bearer 0".to_owned()];
    ask(server.unix(), "GET", LEASE, "localhost", &wrong).json(200);
}

#[test]
fn a_token_that_nobody_asked_for_is_passed_over() {
    let server = TestServer::start();
    let wrong = ["Authorization: Bearer 0".to_owned()];
    ask(server.tcp(), "PUT", LEASE, &server.address.to_string(), &wrong).json(201);
}

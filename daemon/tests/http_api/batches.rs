//! `PUT /v1/projects/{project}`.

use serde_json::{Value, json};

use crate::server::TestServer;

fn put(server: &TestServer, body: &Value) -> crate::support::http::Answer {
    server.ask("PUT", "/v1/projects/myapp", &body.to_string())
}

fn ports(answer: &Value) -> Vec<u64> {
    answer["leases"].as_array().unwrap().iter().map(|lease| lease["port"].as_u64().unwrap()).collect()
}

#[test]
fn all_services_of_a_project_by_one_request() {
    let server = TestServer::start();
    let root = server.dir().canonicalize().unwrap();
    let body = json!({
        "services": {"web": {}, "db": {"port": server.ports.at(3), "protocol": "tcp"}},
        "root": root,
    });
    let granted = put(&server, &body).json(201);
    assert_eq!(granted["project"], "myapp");
    let services: Vec<_> = granted["leases"].as_array().unwrap().iter().map(|l| &l["service"]).collect();
    assert_eq!(services, ["db", "web"]);
    assert_eq!(granted["leases"][0]["port"], server.ports.at(3));
    assert!(granted["leases"].as_array().unwrap().iter().all(|lease| lease["root"] == json!(root)));
    assert_eq!(put(&server, &body).json(200), granted, "the same again");
    assert_eq!(server.get("/v1/leases/myapp").json(200)["leases"], granted["leases"]);
    // One is new.
    let more = json!({"services": {"web": {}, "api": {}}});
    assert_eq!(put(&server, &more).json(201)["leases"].as_array().unwrap().len(), 2);
}

#[test]
fn all_or_nothing() {
    let server = TestServer::start();
    let other = server.put("other/web", "{}").json(201);
    let body = json!({"services": {"a": {}, "b": {}, "z": {"port": other["port"]}}});
    let problem = server.refused(409, "port_leased", || put(&server, &body));
    assert_eq!(problem["lease"]["project"], "other");
    let server = TestServer::with_limit(2);
    let body = json!({"services": {"a": {}, "b": {}, "c": {}}});
    server.refused(429, "limit_reached", || put(&server, &body));
}

#[test]
fn ports_in_a_row() {
    let server = TestServer::start();
    let body = json!({"services": {"a": {}, "b": {}, "c": {}}, "contiguous": true});
    let granted = put(&server, &body).json(201);
    let got = ports(&granted);
    assert!(got.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{got:?}");
    assert_eq!(put(&server, &body).json(200), granted);

    let apart = json!({"services": {"a": {}, "c": {}}, "contiguous": true});
    let problem = server.refused(409, "lease_differs", || put(&server, &apart));
    assert!(problem["detail"].as_str().unwrap().contains("cannot follow one another"), "{problem}");
    let too_many: serde_json::Map<String, Value> = (0..17).map(|i| (format!("s{i}"), json!({}))).collect();
    let body = json!({"services": too_many, "contiguous": true});
    let answer = server.ask("PUT", "/v1/projects/another", &body.to_string());
    let problem = answer.problem(409, "pool_exhausted");
    assert!(problem["detail"].as_str().unwrap().contains("17 ports in a row"), "{problem}");
}

#[test]
fn each_service_has_its_range() {
    let server = TestServer::start();
    let port = |i: u16| server.ports.at(i);
    let range = |from, to| format!("{}-{}", port(from), port(to));
    let body = json!({"services": {"a": {"range": range(2, 3)}, "b": {"range": range(2, 3)}, "c": {"range": range(7, 7)}}});
    let granted = put(&server, &body).json(201);
    let mut got = ports(&granted);
    assert_eq!(got[2], u64::from(port(7)));
    got[..2].sort_unstable();
    assert_eq!(got[..2], [u64::from(port(2)), u64::from(port(3))]);
    assert_eq!(put(&server, &body).json(200), granted);
    let more = json!({"services": {"d": {"range": range(2, 3)}, "e": {}}});
    server.refused(409, "pool_exhausted", || put(&server, &more));
    let other = json!({"services": {"c": {"range": range(8, 8)}}});
    server.refused(409, "lease_differs", || put(&server, &other));
}

#[test]
fn a_block_that_cannot_grow_names_who_is_in_the_way() {
    let server = TestServer::start();
    let two = json!({"services": {"w": {"prefer": server.ports.at(4)}, "w-2": {}}, "contiguous": true});
    let granted = put(&server, &two).json(201);
    assert_eq!(ports(&granted), [4, 5].map(|i| u64::from(server.ports.at(i))));
    let other = server.put("other/web", &json!({"port": server.ports.at(6)}).to_string()).json(201);
    let three = json!({"services": {"w": {}, "w-2": {}, "w-3": {}}, "contiguous": true});
    let problem = server.refused(409, "port_leased", || put(&server, &three));
    assert_eq!(problem["lease"]["id"], other["id"]);
    assert!(problem["detail"].as_str().unwrap().contains("myapp/w-3 would need"), "{problem}");
    server.ask("DELETE", "/v1/leases/other", "");
    let _stranger = std::net::TcpListener::bind(("127.0.0.1", server.ports.at(6))).unwrap();
    // The test itself is the stranger: another project's cooling port comes first.
    server.refused(409, "port_cooling", || put(&server, &three));
}

#[test]
fn a_project_that_is_named_after_its_root() {
    let server = TestServer::start();
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let roots = dirs.each_ref().map(|dir| dir.path().canonicalize().unwrap());
    let [one, two] = roots
        .each_ref()
        .map(|root| json!({"services": {"web": {}, "db": {}}, "root": root, "identify": "directory"}));
    let first = put(&server, &one).json(201);
    assert_eq!((&first["project"], first.get("identified")), (&json!("myapp"), None));
    let second = put(&server, &two).json(201);
    assert_eq!(second["project"], "myapp@2");
    let because = format!("myapp is {}", roots[0].display());
    assert_eq!(second["identified"], json!({"asked": "myapp", "because": because}));
    for lease in second["leases"].as_array().unwrap() {
        assert_eq!((&lease["project"], &lease["root"]), (&json!("myapp@2"), &json!(roots[1])));
        assert_eq!(lease.get("identified"), None, "said once");
    }
    let again = put(&server, &two).json(200);
    assert_eq!((&again["leases"], again.get("identified")), (&second["leases"], None));
    assert_eq!(server.get("/v1/leases/myapp").json(200)["leases"], first["leases"]);
}

#[test]
fn what_is_no_batch() {
    let server = TestServer::start();
    for (body, named) in [
        ("", "missing field `services`"),
        ("{}", "missing field `services`"),
        (r#"{"services": {}}"#, "services is empty"),
        (r#"{"services": {"a": {}, "a": {}}}"#, "duplicate key \"a\""),
        (r#"{"services": {"a/b": {}}}"#, "invalid service name"),
        (r#"{"services": {"a": {"prot": 1}}}"#, "unknown field `prot`"),
        (r#"{"services": {"a": null}}"#, "invalid type: null"),
        (r#"{"services": {"a": []}}"#, "expected an object"),
        (r#"{"services": {"a": {}}, "contiguous": 1}"#, "expected a boolean"),
        (r#"{"services": {"a": {}}, "root": "/no/such/place"}"#, "/no/such/place"),
        (r#"{"services": {"a": {}}, "identify": "directory"}"#, "identify needs root"),
        (r#"{"services": {"a": {}}, "root": "/", "identify": "name"}"#, "unknown variant `name`"),
        (r#"{"services": {"a": {"port": 3000}, "b": {"port": 3000}}}"#, "3000 twice"),
    ] {
        let problem = server.refused(422, "invalid_request", || server.ask("PUT", "/v1/projects/x", body));
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(named), "{body}: {detail}");
    }
    let body = r#"{"services": {"a": {}}}"#;
    for name in ["a%20b", "..%2f", "-"] {
        server.refused(422, "invalid_name", || server.ask("PUT", &format!("/v1/projects/{name}"), body));
    }
}

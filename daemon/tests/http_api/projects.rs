//! Other names for leases, and leases to a file and back.

use serde_json::{Value, json};

use crate::server::TestServer;

#[test]
fn a_project_is_called_otherwise() {
    let server = TestServer::start();
    let web = server.put("shop/web", "{}").json(201);
    let other = server.put("other/web", "{}").json(201);
    let mv = |path: &str, body: &Value| server.ask("POST", path, &body.to_string());
    let leases = mv("/v1/projects/shop/mv", &json!({"project": "store"})).json(200);
    assert_eq!((&leases["leases"][0]["id"], &leases["leases"][0]["port"]), (&web["id"], &web["port"]));
    let lease = mv("/v1/leases/store/web/mv", &json!({"project": "store", "service": "front"})).json(200);
    assert_eq!((&lease["id"], &lease["service"]), (&web["id"], &json!("front")));
    let to = json!({"project": "other"});
    let problem = server.refused(409, "lease_differs", || mv("/v1/projects/store/mv", &to));
    assert_eq!(problem["lease"]["id"], other["id"]);
    let to = json!({"project": "other", "service": "web"});
    let problem = server.refused(409, "lease_differs", || mv("/v1/leases/store/front/mv", &to));
    assert_eq!(problem["lease"]["id"], other["id"]);
    server.refused(404, "no_such_lease", || mv("/v1/projects/shop/mv", &json!({"project": "x"})));
    server.refused(422, "invalid_name", || mv("/v1/projects/store/mv", &json!({"project": "-"})));
    for body in [json!({}), json!({"project": "a b"}), json!({"project": "a", "service": "b"})] {
        server.refused(422, "invalid_request", || mv("/v1/projects/store/mv", &body));
    }
}

#[test]
fn what_is_exported_can_be_imported() {
    let server = TestServer::start();
    let one = server
        .put("app/one", &json!({"port": server.ports.at(4), "labels": {"k": "v"}}).to_string())
        .json(201);
    server.put("app/two", "{}").json(201);
    let export = server.get("/v1/export").json(200);
    server.ask("DELETE", "/v1/leases/app", "");
    let _taken = server.put("app/two", &json!({"port": server.ports.at(9)}).to_string()).json(201);
    let report = server.ask("POST", "/v1/import", &export.to_string()).json(200);
    assert_eq!(
        report["leases"][0],
        json!({
            "project": "app", "service": "one", "port": one["port"], "outcome": "granted", "because": null
        })
    );
    assert_eq!(
        (&report["leases"][1]["outcome"], &report["leases"][1]["port"]),
        (&json!("kept"), &json!(server.ports.at(9)))
    );
    assert_eq!(server.get("/v1/leases/app/one").json(200)["labels"], json!({"k": "v"}));
    for (body, named) in [
        (json!({}), "missing field"),
        (json!({"version": 9, "leases": []}), "version 9"),
        (json!({"version": 1, "leases": [], "more": 1}), "unknown field"),
        (
            json!({"version": 1, "leases": [{"project": "a", "service": "b", "port": 9, "root": "x"}]}),
            "a/b: root",
        ),
    ] {
        let problem =
            server.refused(422, "invalid_request", || server.ask("POST", "/v1/import", &body.to_string()));
        assert!(problem["detail"].as_str().unwrap().contains(named), "{problem}");
    }
    // More than any other request may have.
    let label = "x".repeat(250);
    let labels: serde_json::Map<String, Value> = (0..32).map(|i| (format!("k{i}"), json!(label))).collect();
    let leases: Vec<Value> = (0..10)
        .map(|i| json!({"project": "big", "service": format!("s{i}"), "port": server.ports.at(i), "labels": labels}))
        .collect();
    let report = server.ask("POST", "/v1/import", &json!({"version": 1, "leases": leases}).to_string());
    assert_eq!(report.json(200)["leases"].as_array().unwrap().len(), 10);
}

//! `POST /v1/gc`

use serde_json::json;

use crate::server::TestServer;

#[test]
fn what_is_gone_waits_and_what_is_there_is_not_told_of() {
    let server = TestServer::start();
    let (there, gone) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    server.put("there/web", &json!({"root": there.path()}).to_string()).json(201);
    let lease = server.put("gone/web", &json!({"root": gone.path()}).to_string()).json(201);
    let none = json!({"dry_run": true, "leases": [], "waiting": []});
    assert_eq!(server.ask("POST", "/v1/gc", r#"{"dry_run": true}"#).json(200), none);
    drop(gone);
    for body in [r#"{"dry_run": true}"#, "{}", ""] {
        let report = server.ask("POST", "/v1/gc", body).json(200);
        assert_eq!(report["dry_run"], body.contains("true"));
        assert_eq!((&report["leases"], &report["waiting"][0]["lease"]["id"]), (&json!([]), &lease["id"]));
        let left = report["waiting"][0]["left_s"].as_u64().unwrap();
        assert!((604_700..=604_800).contains(&left), "{left}");
    }
    server.get("/v1/leases/gone/web").json(200);
    for body in [r#"{"dry_run": 1}"#, r#"{"days": 1}"#] {
        server.refused(422, "invalid_request", || server.ask("POST", "/v1/gc", body));
    }
}

//! The API is one user's, though its TCP port is open to every user.
#![cfg(all(target_os = "linux", feature = "cli"))]
#![expect(clippy::unwrap_used, reason = "what does not work in a test fails it")]

#[path = "support/apart.rs"]
mod apart;
mod support;

use std::process::Command;

use apart::home_apart;

/// Sends a request as `uid` and returns the answer. bash opens the connection,
/// so that the user behind it is nobody but `uid`.
fn ask(uid: u32, address: &str, port: u64, request: &str) -> String {
    let script = format!("exec 3<>/dev/tcp/{address}/{port}; printf '{request}' >&3; cat <&3");
    let id = uid.to_string();
    let output = Command::new("setpriv")
        .args(["--reuid", &id, "--regid", &id, "--clear-groups", "bash", "-c", &script])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn another_user_is_refused_over_tcp() {
    let home = home_apart();
    let lease = home.run(&["get", "app", "--json"]).json();
    let port = home.run(&["status", "--json"]).json()["endpoint"]["port"].as_u64().unwrap();
    for address in ["127.0.0.1", "::1"] {
        let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
        let head = format!("Host: {host}:{port}\\r\\nConnection: close\\r\\n");
        let token = format!("Authorization: Bearer {}\\r\\n", home.run(&["token"]).stdout.trim_end());
        let show = format!("GET /v1/leases/app/default HTTP/1.1\\r\\n{head}\\r\\n");
        let with_token = format!("GET /v1/leases/app/default HTTP/1.1\\r\\n{head}{token}\\r\\n");
        let release = format!("DELETE /v1/leases/app HTTP/1.1\\r\\n{head}\\r\\n");

        let ours = ask(0, address, port, &show);
        assert!(ours.starts_with("HTTP/1.1 200 ") && ours.contains(lease["id"].as_str().unwrap()), "{ours}");
        for request in [&show, &release, &with_token] {
            let refused = ask(65_534, address, port, request);
            assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
            assert!(
                refused.contains("\"code\":\"wrong_user\"") && !refused.contains("\"port\""),
                "{refused}"
            );
        }
    }
    assert_eq!(home.run(&["show", "app", "default", "--json"]).json()["id"], lease["id"]);
    assert_eq!(home.run(&["get", "app"]).port(), Ok(lease["port"].as_u64().unwrap() as u16));
}

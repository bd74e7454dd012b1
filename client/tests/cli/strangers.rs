//! Something is on the port: the project's own app, or a stranger.

use std::net::{Ipv4Addr, TcpListener};

use insta::assert_snapshot;

use super::{apart::home_apart, port, show};

/// This test's own command line and user, as the daemon will show them.
fn holder() -> [(String, &'static str); 3] {
    let words: Vec<String> = std::env::args().collect();
    let cwd = std::env::current_dir().unwrap();
    [
        (words.join(" "), "[this test]"),
        (format!("in {}", cwd.display()), "in [cwd]"),
        (std::process::id().to_string(), "[pid]"),
    ]
}

/// The user as the kernel knows it, by number or name.
fn user(home: &super::Home, project: &str) -> String {
    let lease = home.run(&["show", project, "--json"]).json();
    lease["leases"][0]["holder"]["user"].as_str().unwrap().to_owned()
}

#[test]
fn its_own_app_keeps_the_port() {
    let home = home_apart();
    let leased = port(&home, &["get", "app"]);
    let _app = TcpListener::bind((Ipv4Addr::LOCALHOST, leased)).unwrap();
    let user = format!("user {}", user(&home, "app"));
    let [this, cwd, pid] = holder();
    let names = [this, cwd, pid, (user, "[user]"), (leased.to_string(), "[port]")];
    assert_snapshot!(show(&home, &["get", "app"], &names), @r"
    $ portlease get app
    [port]
    portlease: app/default is already running here: http://localhost:[port], [this test] (pid [pid], [user], in [cwd])
    [exit 0]
    ");
    let lease = home.run(&["get", "app", "--json"]).json();
    assert_eq!((&lease["state"], &lease["holder"]["pid"]), (&"bound".into(), &std::process::id().into()));
}

#[test]
fn a_stranger_takes_the_port() {
    let home = home_apart();
    // This test runs outside that directory, so it is a stranger to the lease.
    let root = tempfile::tempdir().unwrap();
    let root = root.path().to_str().unwrap();
    let leased = port(&home, &["get", "app", "--root", root]);
    let _stranger = TcpListener::bind((Ipv4Addr::LOCALHOST, leased)).unwrap();
    let user = format!("user {}", user(&home, "app"));
    let [this, cwd, pid] = holder();
    let names = [this, cwd, pid, (user, "[user]"), (leased.to_string(), "[port]")];
    assert_snapshot!(show(&home, &["get", "app", "--strict"], &names), @r"
    $ portlease get app --strict
    error: port [port] is taken by [this test] (pid [pid], [user], in [cwd])
    hint: stop it: portlease stop [port]; or ask for another port
    [exit 4]
    ");
    let refused = home.run(&["get", "app", "--strict", "--json"]);
    assert_eq!((refused.code, &refused.json()["code"]), (4, &"port_in_use".into()));
    assert_eq!(refused.json()["holder"]["pid"], std::process::id());
    assert_snapshot!(show(&home, &["get", "other", "--port", &leased.to_string()], &names), @r"
    $ portlease get other --port [port]
    error: port [port] is leased to app/default
    hint: free it: portlease release app default
    [exit 4]
    ");
    let lease = home.run(&["list", "--json"]).json()["leases"][0].clone();
    assert_eq!((&lease["state"], &lease["port"]), (&"taken".into(), &leased.into()));

    let moved = home.run(&["get", "app"]);
    let now = moved.port().unwrap();
    assert_ne!(now, leased);
    let expected = "portlease: app/default: taken by ";
    assert!(moved.stderr.starts_with(expected) && moved.stderr.lines().count() == 1, "{moved:?}");
    let instead = format!("), so you got {now} instead of {leased}\n");
    assert!(moved.stderr.ends_with(&instead), "{moved:?}");
    assert!(moved.stderr.contains(&format!("(pid {}, user ", std::process::id())), "{moved:?}");
    assert_eq!(port(&home, &["get", "app"]), now);
}

#[test]
fn a_port_that_somebody_holds() {
    let home = home_apart();
    let holder_of = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let held = holder_of.local_addr().unwrap().port().to_string();
    let ran = home.run(&["get", "app", "--port", &held, "--force"]);
    super::fails(&ran, 4);
    assert!(ran.stderr.starts_with(&format!("error: port {held} is taken by ")), "{ran:?}");
    assert!(ran.stderr.contains(&format!("(pid {}, user ", std::process::id())), "{ran:?}");
}

#[test]
fn explain_says_what_was_skipped() {
    let home = home_apart();
    let holder_of = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let held = holder_of.local_addr().unwrap().port().to_string();
    let ran = home.run(&["get", "app", "--prefer", &held, "--explain", "--json"]);
    let skipped = ran.json()["explain"]["skipped"][0].clone();
    assert_eq!(skipped["port"].to_string(), held);
    assert_eq!(skipped["reason"], "excluded", "the kernel's own range");
    assert!(ran.stderr.contains(&format!("portlease: skipped {held}: ")), "{ran:?}");
    assert!(ran.stderr.contains("the walk through the pool began at "), "{ran:?}");
}

#[test]
fn an_exhausted_range_is_explained_too() {
    let home = home_apart();
    let shown = show(&home, &["get", "app", "--range", "6665-6666", "--explain"], &[]);
    // Where the walk begins is computed from the names, so the order is fixed.
    assert_snapshot!(shown, @r"
    $ portlease get app --range 6665-6666 --explain
    portlease: skipped 6665: browsers refuse to open it (ERR_UNSAFE_PORT)
    portlease: skipped 6666: browsers refuse to open it (ERR_UNSAFE_PORT)
    error: no port is free in 6665-6666
    hint: see what can go: portlease list; or widen the pool in config.toml
    [exit 4]
    ");
}

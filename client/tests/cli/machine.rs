//! `doctor` without a port: each fault of portlease itself, set up for real.

use std::{
    fs::{self, Permissions},
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::PermissionsExt,
};

use insta::assert_snapshot;
use serde_json::Value;

use super::{
    apart::{Block, home_apart},
    fails, port, show,
    support::{Home, Ran},
};

/// The checks that are not well, as `id status`, and what they say.
fn ill(ran: &Ran) -> Vec<(String, String, String)> {
    let json = ran.json();
    let checks = json["checks"].as_array().unwrap().iter().filter(|check| check["status"] != "ok");
    let text = |check: &Value, field: &str| check[field].as_str().unwrap().to_owned();
    let told = |check: &Value| {
        let name = format!("{} {}", text(check, "id"), text(check, "status"));
        (name, text(check, "summary"), text(check, "fix"))
    };
    checks.map(told).collect()
}

#[track_caller]
fn finds(home: &Home, code: i32, name: &str, summary: &str, fix: &str) {
    let ran = home.run(&["doctor", "--json"]);
    assert_eq!(ran.code, code, "{ran:?}");
    let ill = ill(&ran);
    let [(found, said, to_do)] = &ill[..] else { panic!("not one fault: {ran:?}") };
    assert_eq!(found, name);
    assert!(said.contains(summary) && to_do.contains(fix), "{ran:?}");
}

/// The port of the API in the configuration.
fn config(home: &Home) -> String {
    fs::read_to_string(home.dir().join("config.toml")).unwrap()
}

fn api_port(config: &str) -> u16 {
    config.trim_end().rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[test]
fn all_is_well() {
    let home = home_apart();
    port(&home, &["get", "app"]);
    let health = home.run(&["status", "--json"]).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let ports = home.run(&["doctor", "--json"]).json();
    let summary = |id: &str| {
        let checks = ports["checks"].as_array().unwrap();
        text(&checks.iter().find(|check| check["id"] == id).unwrap()["summary"])
    };
    let names = [
        (text(&health["started_at"]), "[since]"),
        (health["endpoint"]["pid"].to_string(), "[pid]"),
        (text(&health["endpoint"]["version"]), "[version]"),
        (home.dir().to_str().unwrap().to_owned(), "[home]"),
        (summary("service"), "[service]"),
        (summary("ports"), "[ports]"),
        (summary("files"), "[own files]"),
        (summary("pool"), "[pool]"),
        (summary("open_files"), "[files]"),
        (api_port(&config(&home)).to_string(), "[api port]"),
    ];
    assert_snapshot!(show(&home, &["doctor"], &names), @r"
    $ portlease doctor
    ok    daemon      runs (pid [pid]) since [since]
    ok    socket      answers on [home]/run/portlease.sock
    ok    version     [version], the daemon's too
    ok    api_port    the API is on port [api port]
    ok    addresses   127.0.0.1 and [::1]
    ok    sockets     the kernel tells of sockets
    ok    store       the registry is whole
    ok    clock       not behind the registry
    ok    roots       all there
    ok    pool        [pool]
    ok    ports       [ports]
    ok    open_files  [files]
    ok    files       [own files]
    ok    service     [service]
    [exit 0]
    ");
}

#[test]
fn no_daemon_runs() {
    let home = home_apart();
    let ran = home.run(&["doctor", "--json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let ill = ill(&ran);
    assert_eq!(
        ill.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(),
        ["daemon fail", "machine warn"]
    );
    assert!(ill[0].1.starts_with("no daemon answers on "), "{ran:?}");
    assert!(ill[0].2.starts_with("start it: portlease daemon"), "{ran:?}");
    assert!(ran.stderr.ends_with("error: a fault was found\n"), "{ran:?}");
    assert_eq!(home.daemons(), [], "it started one");
}

#[test]
fn files_that_others_can_reach() {
    let home = home_apart();
    port(&home, &["get", "app"]);
    let token = home.dir().join("run/token");
    fs::set_permissions(&token, Permissions::from_mode(0o644)).unwrap();
    let fix = format!("chmod 600 {}", token.display());
    finds(&home, 1, "files fail", "run/token is open to other users (mode 0644)", &fix);
    fs::set_permissions(&token, Permissions::from_mode(0o600)).unwrap();

    // Where others may enter, nothing is sent to whoever answers.
    let run = home.dir().join("run");
    fs::set_permissions(&run, Permissions::from_mode(0o755)).unwrap();
    let ran = home.run(&["doctor", "--json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let ill = ill(&ran);
    assert_eq!(
        ill.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(),
        ["daemon fail", "machine warn", "files fail"]
    );
    assert!(ill[0].1.contains("nothing was sent to it"), "{ran:?}");
    assert!(ill[2].2.contains(&format!("chmod 700 {}", run.display())), "{ran:?}");
}

#[test]
fn somebody_has_the_port_of_the_api() {
    let home = home_apart();
    let wanted = api_port(&config(&home));
    let _held = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)).unwrap();
    port(&home, &["get", "app"]);
    let summary = format!("(pid {}, user ", std::process::id());
    finds(&home, 0, "api_port warn", &summary, &format!("portlease stop {wanted}"));
    finds(&home, 0, "api_port warn", &format!("port {wanted} is taken by "), "");
}

#[test]
fn a_pool_where_the_kernel_takes_ports() {
    let ephemeral = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let first: u16 = ephemeral.split_ascii_whitespace().next().unwrap().parse().unwrap();
    let block = Block::take();
    let api = api_port(&block.config());
    let config = format!("pool = \"{}-{first}\"\n[api]\nport = {api}", first - 20);
    let home = Home::new(vec![env!("CARGO_BIN_EXE_portlease").into()], &config);
    port(&home, &["get", "app"]);
    finds(&home, 0, "pool warn", &format!("{}-{first} overlaps {first}-", first - 20), "config.toml");
}

#[test]
fn a_root_that_is_gone() {
    let home = home_apart();
    let root = tempfile::tempdir().unwrap();
    let path = root.path().canonicalize().unwrap();
    port(&home, &["get", "app", "--root", path.to_str().unwrap()]);
    drop(root);
    let summary = format!("app/default ({})", path.display());
    finds(&home, 0, "roots warn", &summary, "portlease release app default");
}

#[test]
fn it_takes_no_host() {
    let home = home_apart();
    fails(&home.run(&["doctor", "--host", "::1"]), 2);
}

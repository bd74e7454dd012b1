//! `doctor`: why a port cannot be reached.

use insta::assert_snapshot;

use serde_json::json;

use super::{Ran, apart::home_apart, fails, port, ports::server, show};

#[test]
fn the_doctor_names_the_cause_and_what_to_type() {
    let home = home_apart();
    let cwd = tempfile::tempdir().unwrap();
    let leased = port(&home, &["get", "app"]);
    let number = leased.to_string();
    assert_snapshot!(show(&home, &["doctor", "app"], &[(number.clone(), "[port]")]), @r"
    $ portlease doctor app
    port [port] at localhost
    fail  listening   nothing listens on port [port]
                      → start app/default on it: PORT=[port], or the port option of its framework, as in vite --port [port] --strictPort
    error: a cause was found
    [exit 1]
    ");
    let server = server("::1", leased, cwd.path(), "a word");
    let holder = home.run(&["who", &number, "--json"]).json()["holders"][0].clone();
    let names = [
        (holder["command"].as_str().unwrap().to_owned(), "[command]"),
        (format!("user {}", holder["user"].as_str().unwrap()), "user [user]"),
        (holder["cwd"].as_str().unwrap().to_owned(), "[cwd]"),
        (server.pid().to_string(), "[pid]"),
        (number.clone(), "[port]"),
    ];
    assert_snapshot!(show(&home, &["doctor", &number, "--host", "127.0.0.1"], &names), @r"
    $ portlease doctor [port] --host 127.0.0.1
    port [port] at 127.0.0.1
    ok    listening   [command] (pid [pid], user [user], in [cwd]) listens on ::1
    fail  address     it listens on ::1 only, which is IPv6, and 127.0.0.1 is IPv4
                      → use http://[::1]:[port], or let the app listen on 127.0.0.1
    ok    owner       app/default is already running here: http://localhost:[port]
    ok    stopped     its process is not stopped
    ok    queue       its queue has room
    error: a cause was found
    [exit 1]
    ");
    let well = home.run(&["doctor", &number, "--host", "::1", "--json"]);
    assert_eq!((well.code, well.json()["checks"].as_array().unwrap().len()), (0, 6), "{well:?}");
}

#[test]
fn a_proxy_that_takes_what_is_for_localhost() {
    let home = home_apart();
    let leased = port(&home, &["get", "app"]);
    let doctor = |no_proxy: &str| {
        let mut command = home.command(&["doctor", "app", "--json"]);
        let ran = command.env("ALL_PROXY", "socks5://proxy:1080").env("NO_PROXY", no_proxy).output().unwrap();
        Ran::from(ran).json()["checks"].as_array().unwrap().last().unwrap().clone()
    };
    let check = doctor("example.com");
    assert_eq!((&check["id"], &check["status"]), (&json!("proxy"), &json!("warn")), "{leased}");
    assert!(
        check["summary"].as_str().unwrap().contains("to the proxy socks5://proxy:1080 (ALL_PROXY)"),
        "{check}"
    );
    // What it says to type makes it well.
    let (fix, exported) = (check["fix"].as_str().unwrap(), "; printf %s \"$NO_PROXY\"");
    let mut sh = std::process::Command::new("sh");
    let output =
        sh.args(["-c", &format!("{fix}{exported}")]).env("NO_PROXY", "example.com").output().unwrap();
    let mended = String::from_utf8(output.stdout).unwrap();
    assert_eq!(mended, "example.com,localhost,127.0.0.1,::1");
    assert_eq!(doctor(&mended)["status"], "ok");
}

#[test]
fn what_the_doctor_does_not_understand_is_usage() {
    let home = home_apart();
    for args in [
        &["doctor", "--host", "::1"][..],
        &["doctor", "0"],
        &["doctor", "-1"],
        &["doctor", "65536"],
        &["doctor", "../x"],
        &["doctor", "3000", "--host", "example.com"],
        &["doctor", "3000", "--host", "a b&host=::1"],
        &["who"],
        &["who", "0"],
        &["who", "-1"],
        &["stop", "web", "--yes"],
        &["ports", "3000"],
    ] {
        fails(&home.run(args), 2);
    }
    fails(&home.run(&["doctor", "nobody"]), 3);
}

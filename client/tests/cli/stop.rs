//! `stop`: shows, asks, and reports.

use insta::assert_snapshot;

use super::{apart::home_apart, port, ports::server, show};

#[test]
fn a_process_is_stopped_only_on_a_word() {
    let home = home_apart();
    let cwd = tempfile::tempdir().unwrap();
    let cwd = cwd.path().canonicalize().unwrap();
    let leased = port(&home, &["get", "app"]);
    let number = leased.to_string();
    let mut server = server("127.0.0.1", leased, &cwd, "a word");
    let holder = home.run(&["who", &number, "--json"]).json()["holders"][0].clone();
    let names = [
        (format!("({})", std::process::id()), "([this test])"),
        (holder["command"].as_str().unwrap().to_owned(), "[command]"),
        (holder["since"].as_str().unwrap().to_owned(), "[since]"),
        (format!("user {}", holder["user"].as_str().unwrap()), "user [user]"),
        (cwd.to_str().unwrap().to_owned(), "[cwd]"),
        (server.pid().to_string(), "[pid]"),
        (number.clone(), "[port]"),
    ];
    let shown = |args: &[&str]| {
        let shown = show(&home, args, &names);
        let differs = |line: &&str| !line.contains("started by ") && !line.contains(" in systemd unit ");
        shown.lines().filter(differs).collect::<Vec<_>>().join("\n")
    };
    for args in [&["stop", &number][..], &["stop", &number, "--kill"]] {
        let ran = home.run(args);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("error: nothing was stopped: there is nobody to ask"), "{ran:?}");
        assert!(ran.stderr.contains(&format!("hint: portlease {} --yes", args.join(" "))), "{ran:?}");
    }
    assert!(server.lives());
    assert_snapshot!(shown(&["stop", &number, "--yes"]), @r"
    $ portlease stop [port] --yes
    holder    [command] (pid [pid], user [user], in [cwd])
              since [since]
    portlease: [command] (pid [pid], user [user], in [cwd]) has ended
    portlease: port [port] is free
    [exit 0]
    ");
    assert!(!server.lives());
    assert_snapshot!(shown(&["stop", &number, "--yes"]), @r"
    $ portlease stop [port] --yes
    error: nothing is on port [port]
    hint: see what is: portlease who [port]
    [exit 1]
    ");
}

#[test]
fn kill_says_so_in_json() {
    let home = home_apart();
    let leased = port(&home, &["get", "app"]);
    let server = server("127.0.0.1", leased, "/".as_ref(), "a word");
    let ran = home.run(&["stop", &leased.to_string(), "--kill", "--yes", "--json"]);
    let expected = serde_json::json!({"port": leased, "pid": server.pid(), "signal": "kill", "ended": true, "free": true});
    assert_eq!((ran.code, ran.json()), (0, expected), "{ran:?}");
}

#[test]
fn the_test_that_the_command_runs_under_is_not_stopped() {
    let home = home_apart();
    let leased = port(&home, &["get", "app"]);
    let _ours = std::net::TcpListener::bind(("127.0.0.1", leased)).unwrap();
    let ran = home.run(&["stop", &leased.to_string(), "--yes"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.starts_with("error: this command runs under "), "{ran:?}");
}

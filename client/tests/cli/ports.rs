//! `who` and `ports`: what is on a port, and what listens.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::Path,
};

use insta::assert_snapshot;

use super::{
    apart::home_apart,
    port,
    server::{Server, serve_if_asked},
    show,
};

/// Runs as a server when another test starts it so.
#[test]
fn serve() {
    serve_if_asked();
}

/// A server in a process of its own.
pub(crate) fn server(address: &str, port: u16, cwd: &Path, word: &str) -> Server {
    Server::start("ports::serve", (address, port), cwd, word)
}

#[test]
fn who_explains_a_port() {
    let home = home_apart();
    let root = tempfile::tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    let leased = port(&home, &["get", "app", "--root", root.to_str().unwrap()]);
    let number = leased.to_string();
    assert_snapshot!(show(&home, &["who", &number], &[(number.clone(), "[port]")]), @r"
    $ portlease who [port]
    port      [port] is free
    lease     app/default, reserved
    [exit 0]
    ");

    let server = server("0.0.0.0", leased, &root, "a word");
    let report = home.run(&["who", &number, "--json"]).json();
    let holder = &report["holders"][0];
    assert_eq!(holder["pid"], server.pid());
    // Its parent is this test, and the rest differs from machine to machine.
    assert_eq!(holder["parents"][0]["pid"], std::process::id());
    let text = |field: &str| holder[field].as_str().unwrap().to_owned();
    let names = [
        (text("command"), "[command]"),
        (text("since"), "[since]"),
        (format!("user {}", text("user")), "user [user]"),
        (text("cwd"), "[root]"),
        (server.pid().to_string(), "[pid]"),
        (number.clone(), "[port]"),
    ];
    let shown = show(&home, &["who", &number], &names);
    let kept: Vec<&str> =
        shown.lines().filter(|line| !line.contains("started by") && !line.contains(" in systemd")).collect();
    assert_snapshot!(kept.join("\n"), @r"
    $ portlease who [port]
    port      [port] is in use
    lease     app/default, already running here: http://localhost:[port]
    sockets   tcp 0.0.0.0 listening, exposed (pid [pid])
    holder    [command] (pid [pid], user [user], in [root])
              since [since]
    [exit 0]
    ");
    assert!(shown.contains(&format!("({})", std::process::id())), "{shown}");
}

#[test]
fn text_of_others_cannot_reach_the_terminal() {
    let home = home_apart();
    let evil = "\u{1b}]0;pwned\u{7}\u{1b}[2J\u{202e}gnp\u{200b}";
    let temp = tempfile::tempdir().unwrap();
    let cwd = temp.path().join(evil);
    std::fs::create_dir(&cwd).unwrap();
    let leased = port(&home, &["get", "app"]);
    let _server = server("127.0.0.1", leased, &cwd, evil);
    let escaped = r"\u{1b}]0;pwned\u{7}\u{1b}[2J\u{202e}gnp\u{200b}";
    for (args, times) in [(&["who", &leased.to_string()][..], 2), (&["ports"], 0), (&["show", "app"], 2)] {
        let ran = home.run(args);
        let text = ran.stdout.clone() + &ran.stderr;
        let treacherous = |c: char| c.is_control() && c != '\n' || ['\u{202e}', '\u{200b}'].contains(&c);
        assert!(!text.contains(treacherous), "{args:?}: {ran:?}");
        assert!(text.contains(&leased.to_string()), "{args:?}: {ran:?}");
        assert!(text.matches(escaped).count() >= times, "{args:?}: {ran:?}");
    }
}

#[test]
fn ports_lists_listeners_within_80_columns() {
    let home = home_apart();
    let (local, open) = (port(&home, &["get", "app", "local"]), port(&home, &["get", "app", "open"]));
    let _local = TcpListener::bind((Ipv4Addr::LOCALHOST, local)).unwrap();
    let _open = TcpListener::bind((Ipv4Addr::UNSPECIFIED, open)).unwrap();
    let all = home.run(&["ports"]);
    assert_eq!((all.code, all.stderr.as_str()), (0, ""), "{all:?}");
    assert!(all.stdout.lines().all(|line| line.chars().count() <= 80), "{}", all.stdout);
    let line = |text: &str, port: u16| {
        let line = text.lines().find(|line| line.starts_with(&format!("{port}/tcp")));
        line.map(|line| line.split_ascii_whitespace().skip(1).take(4).collect::<Vec<_>>().join(" "))
    };
    let pid = std::process::id();
    assert_eq!(line(&all.stdout, local), Some(format!("127.0.0.1 local app/local {pid}")));
    assert_eq!(line(&all.stdout, open), Some(format!("0.0.0.0 exposed app/open {pid}")));

    let exposed = home.run(&["ports", "--exposed"]).stdout;
    assert_eq!(line(&exposed, local), None);
    assert!(line(&exposed, open).is_some());
    let json = home.run(&["ports", "--exposed", "--json"]).json();
    assert!(json["ports"].as_array().unwrap().iter().all(|entry| entry["exposed"] == true));
}

//! What real shells offer at the Tab key, by the lines that they are given. They
//! are asked for, not looked for: a shell that is missing fails the test.
#![cfg(all(target_os = "linux", feature = "cli"))]
#![expect(clippy::unwrap_used, reason = "what does not work in a test fails it")]

#[path = "support/apart.rs"]
mod apart;
#[path = "completions/shells.rs"]
mod shells;
#[path = "support/mod.rs"]
mod support;

use std::{fs, path::Path, process::Command};

use apart::{Apart, home_apart};
use shells::{SHELLS, Shell};
use support::Home;

const PORTLEASE: &str = env!("CARGO_BIN_EXE_portlease");

fn with_leases() -> Apart {
    let home = home_apart();
    for (project, service) in
        [("shop", "web"), ("shop", "db"), ("shop@fix-login", "default"), ("blog", "default")]
    {
        home.run(&["get", project, service]).port().unwrap();
    }
    home
}

/// What each shell offers for a line whose cursor is at its end.
#[track_caller]
fn check(home: &Home, dir: &Path, line: &str, expected: &[&str]) {
    for shell in SHELLS {
        assert_eq!(shell.offers(home, dir, line), expected, "{shell:?}: {line:?}");
    }
}

#[test]
fn names_as_they_are_at_that_moment() {
    let home = with_leases();
    let dir = home.dir();
    check(&home, &dir, "portlease sh", &["show"]);
    check(&home, &dir, "portlease show ", &["blog", "shop", "shop@fix-login"]);
    check(&home, &dir, "portlease show b", &["blog"]);
    check(&home, &dir, "portlease show shop@f", &["shop@fix-login"]);
    check(&home, &dir, "portlease get shop ", &["db", "web"]);
    check(&home, &dir, "portlease get --project shop w", &["web"]);
    check(&home, &dir, "portlease get shop@fix-login d", &["default"]);
    check(&home, &dir, "portlease mv shop/d", &["shop/db"]);
    check(&home, &dir, "portlease show nothing", &[]);
    check(&home, &dir, "portlease get shop web --str", &["--strict"]);
    check(&home, &dir, "portlease env --format d", &["dotenv"]);
    check(&home, &dir, "portlease help workt", &["worktrees"]);
    home.run(&["release", "blog"]);
    home.run(&["get", "bazaar"]).port().unwrap();
    check(&home, &dir, "portlease show b", &["bazaar"]);
}

#[test]
fn ports_that_somebody_has() {
    let home = with_leases();
    let port = home.run(&["get", "shop", "web", "--json"]).json()["port"].to_string();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other = listener.local_addr().unwrap().port().to_string();
    for command in ["who", "stop", "doctor"] {
        check(&home, &home.dir(), &format!("portlease {command} {port}"), &[port.as_str()]);
        for shell in SHELLS {
            let offers = shell.offers(&home, &home.dir(), &format!("portlease {command} {}", &other[..3]));
            assert!(offers.contains(&other), "{shell:?}: {other} in {offers:?}");
        }
    }
}

#[test]
fn a_command_and_its_files_after_run() {
    let home = home_apart();
    let dir = home.dir().join("project");
    fs::create_dir_all(dir.join("bin")).unwrap();
    for (file, text) in
        [("portlease.toml", "[services.web]\n[services.worker]\n"), ("serve me", ""), ("bin/x", "")]
    {
        std::io::Write::write_all(&mut fs::File::create(dir.join(file)).unwrap(), text.as_bytes()).unwrap();
    }
    check(&home, &dir, "portlease run w", &["web", "worker"]);
    check(&home, &dir, "portlease run -- setpri", &["setpriv"]);
    check(&home, &dir, "portlease run web -- setpri", &["setpriv"]);
    check(&home, &dir, "portlease run -- cat port", &["portlease.toml"]);
    check(&home, &dir, "portlease run -- cat bi", &["bin/"]);
    assert_eq!(Shell::Bash.offers(&home, &dir, "portlease import serv"), [r"serve\ me"]);
    assert!(home.daemons().is_empty(), "a shell that asks starts no daemon");
}

#[test]
fn who_does_not_answer_is_not_waited_for() {
    let home = with_leases();
    let daemon = home.daemons()[0];
    rustix::process::kill_process(daemon, rustix::process::Signal::STOP).unwrap();
    // Without a limit the client waits for ten seconds.
    let mut command = Command::new("timeout");
    command.args(["3", PORTLEASE, "--", "portlease", "show", ""]).env("PORTLEASE_COMPLETE", "fish");
    let answer = command.env("PORTLEASE_HOME", home.dir()).current_dir(home.dir()).output().unwrap();
    rustix::process::kill_process(daemon, rustix::process::Signal::CONT).unwrap();
    // What is left to offer.
    let text = String::from_utf8(answer.stdout).unwrap();
    assert!(text.starts_with("--project\t") && !text.contains("shop"), "{text}");
    assert_eq!((answer.status.code(), answer.stderr.len()), (Some(0), 0));
    check(&home, &home.dir(), "portlease show b", &["blog"]);
}

/// A service manager that listens in place of the daemon starts it when somebody
/// connects. Here a listener stands in its place, and must not be asked.
#[test]
fn no_socket_is_touched_when_no_daemon_runs() {
    let home = with_leases();
    home.kill(rustix::process::Signal::KILL);
    let socket = home.dir().join("run/portlease.sock");
    fs::remove_file(&socket).unwrap();
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    listener.set_nonblocking(true).unwrap();
    check(&home, &home.dir(), "portlease show s", &[]);
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn nothing_is_said_about_what_goes_wrong() {
    let home = home_apart();
    for (shell, words) in [
        ("fish", &["portlease", "show", ""][..]),
        ("tcsh", &["portlease", ""]),
        ("bash", &[]),
        ("zsh", &["x"]),
    ] {
        let mut command = home.command(&["--"]);
        let answer = command
            .args(words)
            .env("PORTLEASE_COMPLETE", shell)
            .env_remove("PORTLEASE_HOME")
            .output()
            .unwrap();
        assert_eq!(
            (answer.status.code(), answer.stderr.len()),
            (Some(0), 0),
            "{shell} {words:?}: {answer:?}"
        );
    }
    // A variable of that name which says nothing is none.
    let version = home.command(&["--version"]).env("PORTLEASE_COMPLETE", "").output().unwrap();
    assert!(String::from_utf8(version.stdout).unwrap().starts_with("portlease "));
}

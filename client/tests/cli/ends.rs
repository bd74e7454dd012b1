//! How leases end: with real processes and directories, and as `list` and `gc`
//! tell it.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use rustix::process::{WaitId, WaitIdOptions, waitid};

use super::{apart::home_apart, fails, port};

/// A shell that does as it is told by lines.
struct Shell {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Shell {
    fn start(script: &str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }

    fn say(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    fn hear(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _may_be_gone = self.child.kill();
        let _status = self.child.wait();
    }
}

#[test]
fn an_owner_that_runs_another_program_is_the_same_one() {
    let home = home_apart();
    let mut owner = Shell::start("read line; echo before; exec cat");
    let lease = home.run(&["get", "app", "--owner-pid", &owner.pid(), "--json"]).json();
    owner.say("go");
    assert_eq!(owner.hear(), "before");
    owner.say("by now this is cat");
    assert_eq!(owner.hear(), "by now this is cat");
    assert_eq!(home.run(&["show", "app", "default", "--json"]).json(), lease);
    let listed = home.run(&["list"]).stdout;
    assert!(listed.contains("ENDS") && listed.contains(&format!("with pid {}", owner.pid())), "{listed}");
}

#[test]
fn a_zombie_owns_nothing() {
    let home = home_apart();
    let mut owner = Shell::start("read line");
    home.run(&["get", "app", "--owner-pid", &owner.pid()]);
    owner.say("end");
    // Waited for and left there: it has a pid and no life.
    let id = WaitId::Pid(rustix::process::Pid::from_child(&owner.child));
    waitid(id, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    fails(&home.run(&["show", "app"]), 3);
    let ran = home.run(&["get", "app", "--owner-pid", &owner.pid()]);
    fails(&ran, 2);
    assert!(ran.stderr.contains("cannot own a lease"), "{ran:?}");
}

#[test]
fn what_a_double_fork_leaves_on_the_port_keeps_others_off() {
    let home = home_apart();
    let mut owner = Shell::start("read line; (setsid sh -c \"$line\" & ) ; read line");
    let leased = port(&home, &["get", "app", "--owner-pid", &owner.pid()]);
    let server = format!(
        "exec python3 -c 'import socket,time;s=socket.create_server((\"127.0.0.1\",{leased}));print(\"up\",flush=True);s.accept()'"
    );
    owner.say(&server);
    assert_eq!(owner.hear(), "up");
    owner.say("end");
    owner.child.wait().unwrap();
    fails(&home.run(&["show", "app"]), 3);
    let again = port(&home, &["get", "app"]);
    assert_ne!(again, leased, "an orphan is on it");
    let number = leased.to_string();
    let ran = home.run(&["get", "app", "db", "--port", &number]);
    fails(&ran, 4);
    assert!(ran.stderr.contains(&format!("port {number} is taken by ")), "{ran:?}");
    // It ends when somebody comes.
    let _bye = TcpStream::connect(("127.0.0.1", leased)).unwrap();
}

#[test]
fn a_term_is_shown_in_the_list() {
    let home = home_apart();
    home.run(&["get", "stays"]);
    assert!(!home.run(&["list"]).stdout.contains("ENDS"));
    home.run(&["get", "tests", "--ttl", "599"]);
    let listed = home.run(&["list"]).stdout;
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[0].ends_with("STATE     ENDS      HOLDER"), "{listed}");
    assert!(!lines[1].contains(" in ") && lines[2].ends_with("reserved  in 9 min"), "{listed}");
}

#[test]
fn gone_directories_are_told_of_and_nothing_is_done_without_a_word() {
    let home = home_apart();
    let ran = home.run(&["gc"]);
    assert_eq!(ran.stderr, "portlease: nothing to reclaim: every root is there\n");
    let root = tempfile::tempdir().unwrap();
    let path = root.path().canonicalize().unwrap();
    let leased = port(&home, &["get", "app", "--root", path.to_str().unwrap()]);
    drop(root);
    assert!(home.run(&["list"]).stdout.contains("stale"));
    for args in [&["gc"][..], &["gc", "--yes"]] {
        let ran = home.run(args);
        let root = path.display();
        let kept = format!("portlease: app/default (port {leased}, {root} is gone) is kept for ");
        let left = ran.stderr.strip_prefix(&kept);
        // It counts by the second.
        let expected = [Some("7 days more\n"), Some("6 days more\n")];
        assert!(ran.code == 0 && expected.contains(&left), "{ran:?}");
    }
    assert_eq!(home.run(&["gc", "--json"]).json()["waiting"][0]["lease"]["port"], leased);
    assert!(home.run(&["list"]).stdout.contains("app"));
}

//! `list --watch`, on a terminal and into a pipe.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Command, Stdio},
};

use rustix::{
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};

use super::{apart::home_apart, port, support::Home};

/// A command on a terminal of its own.
struct OnTerminal {
    child: Child,
    master: File,
    seen: String,
}

impl OnTerminal {
    fn start(home: &Home, args: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = rustix::termios::Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave = File::options().read(true).write(true).open(name).unwrap();
        let inner = home.command(args);
        // With it as the controlling terminal, so that Ctrl-C is a signal.
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(inner.get_program()).args(inner.get_args()).env_clear();
        command.envs(inner.get_envs().filter_map(|(key, value)| Some((key, value?)))).env("TERM", "xterm");
        command.current_dir(inner.get_current_dir().unwrap());
        let stdio = || Stdio::from(slave.try_clone().unwrap());
        let child = command.stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn().unwrap();
        Self { child, master: File::from(master), seen: String::new() }
    }

    /// Reads on until this has been written since the last time; what was.
    fn see(&mut self, part: &str) -> String {
        let mut bytes = [0; 4096];
        loop {
            if let Some(at) = self.seen.find(part) {
                let rest = self.seen.split_off(at + part.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            let count = self
                .master
                .read(&mut bytes)
                .unwrap_or_else(|error| panic!("{error}: no {part:?} in {:?}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    }

    fn end(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        let _may_be_gone = self.child.kill();
        let _status = self.child.wait();
    }
}

const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

#[test]
fn a_terminal_is_drawn_over_and_given_back() {
    let home = home_apart();
    let web = port(&home, &["get", "app", "web"]);
    let mut list = OnTerminal::start(&home, &["list", "--watch"]);
    list.see(ENTER);
    assert_eq!(list.see("HOLDER"), "\x1b[HPROJECT  SERVICE  PORT   STATE     HOLDER", "from the top");
    list.see(&format!("{web}  reserved"));
    home.run(&["get", "app", "api", "--ttl", "600"]);
    let drawn = list.see("api");
    assert!(drawn.contains("\x1b[HPROJECT"), "{drawn:?}");
    list.see("in 9 min");
    let app = std::net::TcpListener::bind(("127.0.0.1", web)).unwrap();
    list.see(&format!("{web}  bound"));
    drop(app);
    home.run(&["release", "app"]);
    list.see("STATE  HOLDER\x1b[K\x1b[J");
    home.kill(Signal::KILL);
    list.see("the daemon ended; waiting for the next one");
    home.run(&["get", "again"]);
    list.see("again");
    list.master.write_all(b"\x03").unwrap();
    list.see(LEAVE);
    assert_eq!(list.end(), Some(0));
}

#[test]
fn a_signal_ends_it_as_well() {
    let home = home_apart();
    for signal in [Signal::TERM, Signal::HUP] {
        let mut list = OnTerminal::start(&home, &["list", "--watch"]);
        list.see("HOLDER");
        kill_process(Pid::from_child(&list.child), signal).unwrap();
        list.see(LEAVE);
        assert_eq!(list.end(), Some(0));
    }
}

#[test]
fn without_a_terminal_a_table_follows_the_other() {
    let home = home_apart();
    let web = port(&home, &["get", "app", "web"]);
    let start = |args: &[&str]| {
        let mut child = home.command(args).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        (child, lines)
    };
    let (mut child, mut lines) = start(&["list", "--watch"]);
    let mut table = || lines.by_ref().take_while(|line| !line.is_empty()).collect::<Vec<_>>();
    let first = table();
    assert_eq!((first.len(), first[1].contains(&web.to_string())), (2, true), "{first:?}");
    home.run(&["get", "app", "db"]);
    assert_eq!(table().len(), 3);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));

    let (mut child, mut lines) = start(&["list", "--watch", "--json"]);
    let leases = |line: String| {
        serde_json::from_str::<serde_json::Value>(&line).unwrap()["leases"].as_array().unwrap().len()
    };
    assert_eq!(leases(lines.next().unwrap()), 2);
    home.run(&["release", "app", "db"]);
    assert_eq!(leases(lines.next().unwrap()), 1);
    drop(lines);
    home.run(&["get", "app", "x"]);
    assert_eq!(child.wait().unwrap().code(), Some(0), "nobody reads any more");
}

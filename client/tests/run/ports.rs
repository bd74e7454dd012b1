//! Which ports the app is given, and what is said of where it listens.

use std::{
    fs::File,
    io::{BufRead, BufReader, Lines, Write},
    net::TcpListener,
    path::PathBuf,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{
    apart::{Apart, home_apart},
    support::Ran,
};

/// Binds as told and says so; ends when its input does.
const SERVER: &str = "
import socket, sys
s = socket.socket()
if 'plain' not in sys.argv: s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[1], int(sys.argv[2])))
s.listen()
print('listens', s.getsockname()[1], flush=True)
sys.stdin.read()
";

/// A project's directory with this manifest, and the server.
fn project(home: &Apart, manifest: &str) -> PathBuf {
    let dir = home.dir().with_file_name("shop");
    std::fs::create_dir(&dir).unwrap();
    for (name, text) in [("portlease.toml", manifest), ("server.py", SERVER)] {
        File::create(dir.join(name)).unwrap().write_all(text.as_bytes()).unwrap();
    }
    dir
}

fn command(home: &Apart, dir: &PathBuf, args: &[&str]) -> Command {
    let mut command = home.command(args);
    command.current_dir(dir).env("HOME", home.dir().parent().unwrap());
    command
}

fn run(home: &Apart, dir: &PathBuf, args: &[&str]) -> Ran {
    Ran::from(command(home, dir, args).output().unwrap())
}

/// A run that goes on until it is dropped or told to end.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    stdout: Lines<BufReader<ChildStdout>>,
    stderr: Lines<BufReader<ChildStderr>>,
}

impl Running {
    fn start(home: &Apart, dir: &PathBuf, args: &[&str]) -> Self {
        let mut command = command(home, dir, args);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, input, stdout, stderr }
    }

    fn says(&mut self) -> String {
        self.stdout.next().unwrap().unwrap()
    }

    fn notes(&mut self) -> String {
        self.stderr.next().unwrap().unwrap()
    }

    /// Ends the app's input: its status, and what else was noted.
    fn end(mut self) -> (i32, Vec<String>) {
        drop(self.input.take());
        let code = self.child.wait().unwrap().code().unwrap();
        (code, self.stderr.by_ref().map(Result::unwrap).collect())
    }
}

#[test]
fn all_services_are_leased_set_and_replaced() {
    let home = home_apart();
    let manifest = "[services.web]\nenv = \"PORT\"\n[services.db]\nprotocol = \"tcp\"\n\
                    [env]\nDATABASE_URL = \"postgres://localhost:{db}/shop\"\n";
    let dir = project(&home, manifest);
    let script = "echo $PORT $DB_PORT $DATABASE_URL \"$@\"";
    let ran =
        run(&home, &dir, &["run", "--", "sh", "-c", script, "-", "{port}", "{db}", "{url}", "{}", "${web}"]);
    let port = |service: &str| run(&home, &dir, &["get", service]).port().unwrap();
    let (web, db) = (port("web"), port("db"));
    let expected = format!(
        "{web} {db} postgres://localhost:{db}/shop {web} {db} http://localhost:{web} {{}} ${{web}}\n"
    );
    assert_eq!((ran.stdout, ran.code), (expected, 0), "{}", ran.stderr);
    // Another service is what the command is.
    let ran = run(&home, &dir, &["run", "db", "--", "sh", "-c", "echo $PORT $DB_PORT {port}"]);
    assert_eq!(ran.stdout, format!("{web} {db} {db}\n"), "{}", ran.stderr);
    let api = run(&home, &dir, &["run", "api", "--", "sh", "-c", "echo {api} {port} $API_PORT"]).stdout;
    let words: Vec<&str> = api.split_whitespace().collect();
    assert!(words.len() == 3 && words.iter().all(|word| *word == words[0]), "{api}");
    let ran = run(&home, &dir, &["run", "--", "echo", "{web}"]);
    assert_eq!(ran.stdout, format!("{web}\n"));
}

#[test]
fn an_app_on_its_port_is_quiet() {
    let home = home_apart();
    let dir = project(&home, "");
    let mut app = Running::start(&home, &dir, &["run", "--", "python3", "server.py", "127.0.0.1", "{port}"]);
    let port = run(&home, &dir, &["get"]);
    assert_eq!(app.says(), format!("listens {}", port.port().unwrap()));
    bound(&home, &dir);
    assert_eq!(app.end(), (0, vec![]));
}

/// Waits until the lease is bound, as the daemon sees it.
fn bound(home: &Apart, dir: &PathBuf) {
    let shown = || run(home, dir, &["show", "--json"]).stdout.contains("\"bound\"");
    assert!((0..2000).any(|_| shown()), "it is not bound");
}

#[test]
fn an_app_elsewhere_is_told_of() {
    let home = home_apart();
    let dir = project(&home, "");
    let mut app = Running::start(&home, &dir, &["run", "--", "python3", "server.py", "127.0.0.1", "0"]);
    let real: u16 = app.says().strip_prefix("listens ").unwrap().parse().unwrap();
    let note = app.notes();
    let port = run(&home, &dir, &["get"]).port().unwrap();
    let expected = format!(
        "portlease: shop/default listens on {real} in place of its port {port}: let it read $PORT, or pass its \
         option for the port, as in portlease run -- python3 server.py 127.0.0.1 0 --port {{port}}"
    );
    assert_eq!(note, expected);
    let shown: serde_json::Value =
        serde_json::from_str(&run(&home, &dir, &["show", "--json"]).stdout).unwrap();
    assert!(shown.to_string().contains(&format!("\"real_port\":{real}")), "{shown}");
    assert!(run(&home, &dir, &["list"]).stdout.contains(&real.to_string()));
    assert_eq!(app.end(), (0, vec![]));
}

#[test]
fn what_to_type_instead_is_what_was_typed() {
    let home = home_apart();
    let dir = project(&home, "[services.web]\n[services.api]\n");
    // What the process is called tells what it is.
    std::fs::copy(dir.join("server.py"), dir.join("vite.py")).unwrap();
    for (command, fix) in [
        (
            &["python3", "vite.py", "0.0.0.0", "0", "it's"][..],
            "portlease run api -- python3 vite.py 0.0.0.0 0 'it'\\''s' --port {port} --strictPort",
        ),
        (&["sh", "-c", "python3 vite.py 0.0.0.0 0; :"], "in what sh runs: vite --port $PORT --strictPort"),
    ] {
        let typed: Vec<&str> = ["run", "api", "--"].into_iter().chain(command.iter().copied()).collect();
        let mut app = Running::start(&home, &dir, &typed);
        let real = app.says();
        let (elsewhere, exposed) = (app.notes(), app.notes());
        assert!(elsewhere.ends_with(&format!(": {fix}")), "{elsewhere}");
        assert!(
            exposed.contains(&format!("listens on all addresses (0.0.0.0), port {}", &real[8..])),
            "{exposed}"
        );
        assert!(
            exposed.contains(&fix.replace("--port", "--host 127.0.0.1 --port"))
                || exposed.ends_with("--host 127.0.0.1"),
            "{exposed}"
        );
        assert_eq!(app.end(), (0, vec![]));
    }
}

#[test]
fn a_port_that_an_app_opens_first_is_not_where_it_stays() {
    let home = home_apart();
    let dir = project(&home, "");
    let script = "import socket; s = socket.create_server(('127.0.0.1', 0)); input()
import sys; sys.argv[1:] = ['127.0.0.1', sys.argv[1]]; exec(open('server.py').read())";
    let mut app = Running::start(&home, &dir, &["run", "--", "python3", "-c", script, "{port}"]);
    let shown = || run(&home, &dir, &["show", "--json"]).stdout.contains("real_port");
    assert!((0..2000).any(|_| shown()), "it is not found");
    app.input.as_mut().unwrap().write_all(b"go\n").unwrap();
    app.says();
    bound(&home, &dir);
    assert_eq!(app.end(), (0, vec![]));
}

#[test]
fn an_app_that_others_can_reach_is_told_of() {
    let home = home_apart();
    let dir = project(&home, "");
    let mut app = Running::start(&home, &dir, &["run", "--", "python3", "server.py", "0.0.0.0", "{port}"]);
    let port = app.says().strip_prefix("listens ").unwrap().to_owned();
    let expected = format!(
        "portlease: shop/default listens on all addresses (0.0.0.0), port {port}, where other machines can reach it"
    );
    assert_eq!(app.notes(), expected);
    assert_eq!(app.end(), (0, vec![]));
}

#[test]
fn an_app_whose_port_was_taken_is_started_once_more() {
    let home = home_apart();
    let dir = project(&home, "");
    let script = "echo $PORT; read -r _; exec python3 server.py 127.0.0.1 $PORT";
    let mut app = Running::start(&home, &dir, &["run", "--", "sh", "-c", script]);
    let first: u16 = app.says().parse().unwrap();
    // A stranger: this test, which does not run in the project's directory.
    let _stranger = TcpListener::bind(("127.0.0.1", first)).unwrap();
    app.input.as_mut().unwrap().write_all(b"go\n").unwrap();
    let second: u16 = app.says().parse().unwrap();
    assert_ne!(first, second);
    app.input.as_mut().unwrap().write_all(b"go\n").unwrap();
    assert_eq!(app.says(), format!("listens {second}"));
    let (code, notes) = app.end();
    assert_eq!(code, 0, "{notes:?}");
    let notes = notes.join("\n");
    assert!(notes.contains(&format!("so you got {second} instead of {first}")), "{notes}");
    assert!(notes.contains("started once more, on the new port"), "{notes}");
}

/// Not even when a stranger has its port.
#[test]
fn an_app_that_was_told_to_end_is_not_started_again() {
    let home = home_apart();
    let dir = project(&home, "");
    let script = "trap 'exit 41' TERM; echo $PORT; read -r _";
    let mut app = Running::start(&home, &dir, &["run", "--", "bash", "-c", script]);
    let port: u16 = app.says().parse().unwrap();
    let _stranger = TcpListener::bind(("127.0.0.1", port)).unwrap();
    kill_process(Pid::from_child(&app.child), Signal::TERM).unwrap();
    assert_eq!(app.stdout.next().map(Result::unwrap), None, "it began again");
    assert_eq!(app.end(), (41, vec![]));
}

#[test]
fn an_app_that_fails_for_itself_is_not_started_again() {
    let home = home_apart();
    let dir = project(&home, "");
    let ran = run(&home, &dir, &["run", "--", "sh", "-c", "echo once; exit 3"]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (3, "once\n", ""));
}

#[test]
fn the_listening_socket_is_passed() {
    let home = home_apart();
    let dir = project(&home, "[services.web]");
    let script = "
import os, socket, sys
assert os.environ['LISTEN_FDS'] == '1' and os.environ['LISTEN_PID'] == str(os.getpid())
s = socket.socket(fileno=3)
assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
# Nothing else of ours is left open: 4 was the gate.
try: os.fstat(4)
except OSError: pass
else: sys.exit('4 is open')
print(os.environ['LISTEN_FDNAMES'], *s.getsockname(), flush=True)
s.accept()[0].sendall(b'well')
sys.stdin.read()
";
    let mut app = Running::start(&home, &dir, &["run", "--listen-fd", "--", "python3", "-c", script]);
    let port = run(&home, &dir, &["get", "web"]).port().unwrap();
    assert_eq!(app.says(), format!("web 127.0.0.1 {port}"));
    let mut said = String::new();
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    std::io::Read::read_to_string(&mut stream, &mut said).unwrap();
    assert_eq!(said, "well");
    drop(stream);
    assert_eq!(app.end(), (0, vec![]));
}

#[test]
fn a_held_port_is_let_go_for_the_app() {
    let home = home_apart();
    let dir = project(&home, "[services.web]\nhold = true");
    let port = run(&home, &dir, &["get", "web"]).port().unwrap();
    let in_use = TcpListener::bind(("127.0.0.1", port + 1)).is_ok();
    // A server that never sets SO_REUSEADDR, by the same call as the app's.
    let plain = |port: u16| {
        run(
            &home,
            &dir,
            &[
                "run",
                "--project",
                "no",
                "--",
                "python3",
                "server.py",
                "127.0.0.1",
                &port.to_string(),
                "plain",
            ],
        )
    };
    assert!(in_use && plain(port).code != 0, "a hold keeps it from a stranger");
    let app = ["run", "--", "python3", "server.py", "127.0.0.1", "{port}", "plain"];
    for _again in 0..2 {
        let mut app = Running::start(&home, &dir, &app);
        assert_eq!(app.says(), format!("listens {port}"));
        assert_eq!(app.end(), (0, vec![]));
    }
}

#[test]
fn a_lease_with_an_end_does_not_end_under_its_app() {
    let home = home_apart();
    let dir = project(&home, "");
    let port = run(&home, &dir, &["get", "--ttl", "1"]).port().unwrap();
    // It listens nowhere, so that nothing but the renewals keeps the lease.
    let ran = run(&home, &dir, &["run", "--", "python3", "-c", "import time; time.sleep(3)"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(run(&home, &dir, &["show", "--json"]).json()["leases"][0]["port"], port);
}

//! `portlease portserver`: beside every daemon, and without one.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, ChildStderr, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    apart::{Apart, home_apart},
    fails, show,
};

/// It serves at a path in the home's temporary directory.
struct PortServer {
    child: Child,
    said: BufReader<ChildStderr>,
}

fn path(home: &Apart) -> PathBuf {
    home.dir().with_file_name("ports")
}

/// The pool of its daemon, as its configuration has it.
fn pool(home: &Apart) -> String {
    let text = std::fs::read_to_string(home.dir().join("config.toml")).unwrap();
    text.split('"').nth(1).unwrap().to_owned()
}

/// A port that is none of the pool.
fn grpc(home: &Apart) -> u16 {
    pool(home).split_once('-').unwrap().1.parse::<u16>().unwrap() + 1
}

impl PortServer {
    fn start(home: &Apart, args: &[&str]) -> Self {
        Self::of(&pool(home), home, args)
    }

    fn of(pool: &str, home: &Apart, args: &[&str]) -> Self {
        let args = [&["portserver", "--pool", pool], args].concat();
        let mut child = home.command(&args).stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        let mut server = Self { child, said };
        let line = server.line();
        assert!(line.starts_with("portlease: serving 99 ports on "), "{line}");
        server
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// It must end well, and say this before.
    fn ends(mut self, said: &[&str]) {
        for line in said {
            assert_eq!(self.line(), *line);
        }
        assert_eq!(self.line(), "");
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for PortServer {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn ask(home: &Apart) -> Option<u16> {
    let mut stream = UnixStream::connect(path(home)).unwrap();
    writeln!(stream, "{}", std::process::id()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.strip_suffix('\n').map(|port| port.parse().unwrap())
}

fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[test]
fn it_has_no_home_and_keeps_daemons_away() {
    let home = home_apart();
    let (pool, place) = (pool(&home), path(&home));
    // Whatever is there is not read, and nothing is put there.
    std::fs::remove_dir_all(home.dir()).unwrap();
    let server = PortServer::of(&pool, &home, &["--portpicker", place.to_str().unwrap()]);
    let port = ask(&home).unwrap();
    assert!(!home.dir().exists());

    home.write_config();
    let ran = home.run(&["get", "myapp", "--port", &port.to_string()]);
    fails(&ran, 4);
    assert!(ran.stderr.contains("by another portlease daemon"), "{ran:?}");
    server.signal(Signal::TERM);
    let statistics = [
        "portlease: client-request-errors 0",
        "portlease: denied-allocations 0",
        "portlease: num-ports-managed 99",
        "portlease: num-ports-checked-for-last-request 1",
        "portlease: total-allocations 1",
    ];
    server.ends(&statistics);
    assert!(!place.exists());
    assert_eq!(home.run(&["get", "myapp", "--port", &port.to_string()]).port().unwrap(), port);
}

#[test]
fn two_daemons_of_one_pool_and_a_port_server_share_it() {
    let home = home_apart();
    let server = PortServer::start(&home, &["--portpicker", path(&home).to_str().unwrap()]);
    let first: u16 = home.run(&["get", "myapp"]).port().unwrap();
    let given: Vec<u16> = std::iter::from_fn(|| ask(&home)).collect();
    assert!(!given.contains(&first));
    assert!(given.len() > 90, "no part of its pool is kept: {}", given.len());
    fails(&home.run(&["get", "another"]), 4);
    drop(server);
}

#[test]
fn statistics_are_five_lines_and_it_goes_on() {
    let home = home_apart();
    let mut server = PortServer::start(&home, &["--portpicker", path(&home).to_str().unwrap()]);
    for total in 1..3 {
        ask(&home).unwrap();
        server.signal(Signal::USR1);
        let lines: Vec<String> = (0..5).map(|_| server.line()).collect();
        assert_eq!(lines[4], format!("portlease: total-allocations {total}"), "{lines:?}");
    }
}

#[test]
fn grpcs_endpoint_alone_ends_it() {
    let home = home_apart();
    let port = grpc(&home);
    let mut server = PortServer::start(&home, &["--grpc", &port.to_string()]);
    assert_eq!(get(port, "/version_number"), "21");
    let given: u16 = get(port, "/get").parse().unwrap();
    assert!(get(port, "/dump").contains(&format!("\n  {given}: ")));
    assert_eq!(get(port, "/quitquitquit"), "");
    assert!(server.line().ends_with("was told to end"));
    let lines: Vec<String> = (0..5).map(|_| server.line()).collect();
    assert!(lines[4].ends_with("total-allocations 0"), "{lines:?}");
    server.ends(&[]);
}

#[test]
fn what_it_cannot_do() {
    let home = home_apart();
    let place = path(&home);
    let place = place.to_str().unwrap();
    let _first = PortServer::start(&home, &["--portpicker", place]);
    insta::assert_snapshot!(show(&home, &["portserver", "--portpicker", place], &[(place.to_owned(), "PATH")]), @r#"
    $ portlease portserver --portpicker PATH
    error: PATH is taken: another server is there
    hint: end that server, or serve elsewhere: portlease portserver --portpicker @NAME
    [exit 1]
    "#);
    insta::assert_snapshot!(show(&home, &["portserver", "--portpicker", "@x", "--pool", "1-5,3-9"], &[]), @r#"
    $ portlease portserver --portpicker @x --pool 1-5,3-9
    error: the ranges 1-5 and 3-9 of the pool overlap
    hint: --pool 15000-24999, or several: --pool A-B,C-D
    [exit 2]
    "#);
    insta::assert_snapshot!(show(&home, &["portserver", "--portpicker", "tcp:web"], &[]), @r#"
    $ portlease portserver --portpicker tcp:web
    error: invalid value 'tcp:web' for '--portpicker <ADDRESS>': invalid address "tcp:web": tcp: wants a port from 1 to 65535

    For more information, try '--help'.
    [exit 2]
    "#);
    insta::assert_snapshot!(show(&home, &["portserver", "--grpc", "--pool", "1000-2000"], &[]), @r#"
    $ portlease portserver --grpc --pool 1000-2000
    error: the pool has ports below 1025, which clients of gRPC's port server refuse
    hint: give it others: portlease portserver --grpc --pool 15000-24999
    [exit 1]
    "#);
    insta::assert_snapshot!(show(&home, &["portserver"], &[]), @r#"
    $ portlease portserver
    error: the following required arguments were not provided:
      <--portpicker <ADDRESS>|--grpc [<PORT>]>

    Usage: portlease portserver <--portpicker <ADDRESS>|--grpc [<PORT>]>

    For more information, try '--help'.
    [exit 2]
    "#);
    let ran = home.run(&["daemon", "--portpicker", place]);
    fails(&ran, 1);
    assert!(ran.stderr.contains("is taken: another server is there"), "{ran:?}");
}

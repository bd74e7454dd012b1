//! A port server with ten thousand ports, and whom it serves: in network
//! namespaces, where nobody else has a port.
#![cfg(all(target_os = "linux", feature = "cli"))]
#![expect(clippy::unwrap_used, reason = "what does not work in a test fails it")]

#[path = "support/netns.rs"]
mod netns;

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read, Write},
    net::UdpSocket,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixStream},
    },
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use netns::in_new_netns;

/// In a namespace of its own nobody else has that name.
const ADDRESS: &str = "@ports";
const REFUSALS: usize = 200;

struct PortServer(Child);

impl PortServer {
    fn start(pool: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portlease"));
        command.args(["portserver", "--portpicker", ADDRESS, "--pool", pool]);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert!(line.contains("serving"), "{line}");
        Self(child)
    }
}

impl Drop for PortServer {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

fn process() -> Child {
    Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

fn ask(pid: u32) -> Option<u16> {
    let mut stream =
        UnixStream::connect_addr(&SocketAddr::from_abstract_name(&ADDRESS[1..]).unwrap()).unwrap();
    writeln!(stream, "{pid}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.strip_suffix('\n').map(|port| port.parse().unwrap())
}

#[expect(clippy::disallowed_methods, reason = "what is measured is time")]
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let done = work();
    (start.elapsed(), done)
}

/// How long refusals take: the one in the middle, and the longest.
fn refusals(pid: u32) -> [Duration; 2] {
    let refuse = |_| {
        let (took, port) = timed(|| ask(pid));
        assert_eq!(port, None);
        took
    };
    let mut times: Vec<Duration> = (0..REFUSALS).map(refuse).collect();
    times.sort_unstable();
    [times[REFUSALS / 2], times[REFUSALS - 1]]
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn a_full_pool_of_ten_thousand_refuses_at_once() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    in_new_netns(|| {
        // Browsers refuse one of them.
        let _server = PortServer::start("9999-19999");
        let (mut many, mut one) = (process(), process());
        let last = ask(one.id()).unwrap();
        let (took, given) = timed(|| std::iter::from_fn(|| ask(many.id())).collect::<Vec<u16>>());
        let distinct: BTreeSet<u16> = given.iter().copied().chain([last]).collect();
        assert_eq!((given.len() + 1, distinct.len()), (10_000, 10_000));
        let [middle, longest] = refusals(std::process::id());
        println!("9,999 ports in {took:?}; refused in {middle:?}, at most {longest:?}");
        assert!(middle < Duration::from_millis(10), "{middle:?}");
        // The one that is left is found among all the others.
        one.kill().unwrap();
        one.wait().unwrap();
        assert_eq!(ask(std::process::id()), Some(last));

        // The owner ends, and what it leaves behind has its ports.
        let _orphans: Vec<UdpSocket> =
            given.iter().map(|port| UdpSocket::bind(("127.0.0.1", *port)).unwrap()).collect();
        many.kill().unwrap();
        many.wait().unwrap();
        let [middle, longest] = refusals(std::process::id());
        println!("of orphans' ports: refused in {middle:?}, at most {longest:?}");
        assert!(middle < Duration::from_millis(50), "{middle:?}");
    });
}

/// Asks with the tools of the shell, as another user or from elsewhere.
fn asks_as(words: &[&str]) -> String {
    let script = format!(
        "import os, socket; s = socket.socket(socket.AF_UNIX); s.connect('\\0{}'); s.sendall(b'%d\\n' % os.getpid()); \
         print(s.recv(100).decode(), end='')",
        &ADDRESS[1..]
    );
    let ran =
        Command::new(words[0]).args(&words[1..]).args(["/usr/bin/python3", "-c", &script]).output().unwrap();
    // Whoever is turned away may find that before it has asked.
    let turned_away =
        ["Connection reset", "Broken pipe"].map(|error| String::from_utf8_lossy(&ran.stderr).contains(error));
    assert!(ran.status.success() || turned_away.contains(&true), "{ran:?}");
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn this_user_alone_and_no_container() {
    in_new_netns(|| {
        let _server = PortServer::start("15000-15099");
        assert_ne!(asks_as(&["env"]), "");
        assert_eq!(asks_as(&["setpriv", "--reuid", "64101", "--regid", "64101", "--clear-groups"]), "");
        // Its process 2 or so is some other one here.
        assert_eq!(asks_as(&["unshare", "--pid", "--fork"]), "");
        // Root may ask for the process of another user.
        let mut other = Command::new("setpriv")
            .args(["--reuid", "64101", "--regid", "64101", "--clear-groups", "cat"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        assert!(ask(other.id()).is_some());
        other.kill().unwrap();
        other.wait().unwrap();
    });
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn a_user_asks_for_processes_of_its_own() {
    in_new_netns(|| {
        let temp = tempfile::tempdir().unwrap();
        std::fs::set_permissions(temp.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let portlease = temp.path().join("portlease");
        assert!(
            Command::new("cp")
                .arg(env!("CARGO_BIN_EXE_portlease"))
                .arg(&portlease)
                .status()
                .unwrap()
                .success()
        );
        let user = ["setpriv", "--reuid", "64101", "--regid", "64101", "--clear-groups"];
        let mut child = Command::new(user[0])
            .args(&user[1..])
            .arg(&portlease)
            .args(["portserver", "--portpicker", ADDRESS, "--pool", "15000-15099"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let _server = PortServer(child);
        assert!(line.contains("serving"), "{line}");
        assert_ne!(asks_as(&user), "");
        // Not even root is this user; and this user's ports do not end with root's processes.
        assert_eq!(asks_as(&["env"]), "");
        let script = format!(
            "import socket; s = socket.socket(socket.AF_UNIX); s.connect('\\0{}'); s.sendall(b'{}\\n'); print(len(s.recv(100)))",
            &ADDRESS[1..],
            std::process::id()
        );
        let ran = Command::new(user[0])
            .args(&user[1..])
            .args(["/usr/bin/python3", "-c", &script])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&ran.stdout), "0\n", "{ran:?}");
    });
}

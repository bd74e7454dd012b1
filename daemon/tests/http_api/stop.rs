//! Stopping the process on a port, with real processes.

use std::{
    fs::{self, File},
    io::Write,
    net::{Ipv4Addr, TcpListener},
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    server::TestServer,
    support::http::{Answer, request},
};

/// A process that does nothing but have a listener open, as its standard input.
struct Holder(Child);

impl Holder {
    fn start(port: u16) -> Self {
        let mut command = Command::new("sleep");
        command.arg("1000");
        Self::run(command, port)
    }

    /// Takes the command, which has the listener open as long as it lives: this
    /// process must not.
    fn run(mut command: Command, port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        Self(command.stdin(OwnedFd::from(listener)).spawn().unwrap())
    }

    /// One that takes no notice of SIGTERM: it is sleep(1) when this returns.
    fn deaf(port: u16) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' TERM; exec sleep 1000"]);
        let holder = Self::run(command, port);
        let comm = format!("/proc/{}/comm", holder.pid());
        while fs::read_to_string(&comm).unwrap() != "sleep\n" {
            std::thread::yield_now();
        }
        holder
    }

    /// One that has nothing open.
    fn innocent() -> Self {
        Self(Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().unwrap())
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    fn lives(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _may_be_gone = self.0.kill();
        let _status = self.0.wait();
    }
}

/// The body that stops what is on the port now.
fn seen(server: &TestServer, port: u16) -> Value {
    let report = server.get(&format!("/v1/ports/{port}")).json(200);
    let holder = &report["holders"][0];
    json!({"pid": holder["pid"], "inode": holder["inodes"][0]})
}

fn stop(server: &TestServer, port: u16, body: &Value) -> Answer {
    server.ask("POST", &format!("/v1/ports/{port}/stop"), &body.to_string())
}

#[test]
fn a_process_is_stopped_and_waited_for() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    for signal in ["term", "kill"] {
        let mut holder = Holder::start(port);
        let mut body = seen(&server, port);
        assert_eq!(body["pid"], holder.pid());
        if signal == "kill" {
            body["signal"] = json!("kill");
        }
        let answer = stop(&server, port, &body).json(200);
        let expected =
            json!({"port": port, "pid": holder.pid(), "signal": signal, "ended": true, "free": true});
        assert_eq!(answer, expected);
        let status = holder.0.wait().unwrap();
        let number = if signal == "kill" { 9 } else { 15 };
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(number));
        server.refused(409, "stale_request", || stop(&server, port, &body));
    }
}

#[test]
fn a_process_that_does_not_listen_to_reason_goes_on() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    let deaf = Holder::deaf(port);
    let body = seen(&server, port);
    let answer = stop(&server, port, &body).json(200);
    assert_eq!((&answer["ended"], &answer["free"]), (&json!(false), &json!(false)));
    let mut harder = seen(&server, port);
    harder["signal"] = json!("kill");
    let answer = stop(&server, port, &harder).json(200);
    assert_eq!((&answer["ended"], &answer["free"]), (&json!(true), &json!(true)));
    drop(deaf);
}

#[test]
fn what_was_not_seen_is_not_stopped() {
    let server = TestServer::start();
    let (port, other) = (server.ports.at(0), server.ports.at(1));
    let (mut holder, mut elsewhere) = (Holder::start(port), Holder::start(other));
    let mut innocent = Holder::innocent();
    let (here, there) = (seen(&server, port), seen(&server, other));
    for (port, pid, inode) in [
        (port, &there["pid"], &here["inode"]),
        (port, &here["pid"], &there["inode"]),
        (port, &there["pid"], &there["inode"]),
        (other, &here["pid"], &here["inode"]),
        (port, &json!(innocent.pid()), &here["inode"]),
        (port, &here["pid"], &json!(0)),
    ] {
        let body = json!({"pid": pid, "inode": inode});
        let problem = server.refused(409, "stale_request", || stop(&server, port, &body));
        assert_eq!(problem["hint"], format!("see who is on the port now: portlease who {port}"));
    }
    assert!(holder.lives() && elsewhere.lives() && innocent.lives());
}

#[test]
fn some_are_never_stopped() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    // The server of this test runs in this very process.
    let _ours = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    let body = seen(&server, port);
    assert_eq!(body["pid"], std::process::id());
    let problem = server.refused(403, "process_protected", || stop(&server, port, &body));
    assert_eq!(problem["detail"], format!("process {} is the portlease daemon itself", std::process::id()));
}

#[test]
fn a_docker_proxy_is_left_to_docker() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    let mut command = Command::new("sh");
    std::os::unix::process::CommandExt::arg0(&mut command, "/usr/bin/docker-proxy");
    let number = port.to_string();
    command.args(["-c", "read x < /dev/zero", "-host-port", &number]);
    command.args(["-container-ip", "172.17.0.2", "-container-port", "80"]);
    let mut proxy = Holder::run(command, port);
    let problem = server.refused(403, "process_of_container", || stop(&server, port, &seen(&server, port)));
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.ends_with("to port 80 of the container at 172.17.0.2"), "{detail}");
    let hint = format!("stop the container: docker stop $(docker ps --quiet --filter publish={port})");
    assert_eq!(problem["hint"], hint);
    assert!(proxy.lives());
}

#[test]
fn over_tcp_it_takes_the_token() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    let mut holder = Holder::start(port);
    let body = seen(&server, port).to_string();
    let ask = |host: &str, authorization: &str| {
        let head = request("POST", &format!("/v1/ports/{port}/stop"), &body);
        let mut tcp = server.tcp();
        tcp.send(head.replace("Host: localhost", &format!("Host: {host}{authorization}")));
        tcp.answer()
    };
    let host = server.address.to_string();
    for authorization in ["", "\r\nAuthorization: Bearer 00", "\r\nAuthorization: Basic eDp5"] {
        ask(&host, authorization).problem(401, "token_required");
    }
    let token = format!("\r\nAuthorization: Bearer {}", server.token.reveal());
    ask("evil.example", &token).problem(403, "forbidden_host");
    assert!(holder.lives());
    assert_eq!(ask(&host, &token).json(200)["ended"], true);
}

#[test]
fn a_body_that_is_not_understood_is_refused() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    let mut holder = Holder::start(port);
    let whole = seen(&server, port);
    for (field, value) in [
        ("pid", Value::Null),
        ("pid", json!(-1)),
        ("pid", json!("1")),
        ("inode", Value::Null),
        ("signal", json!("hup")),
        ("force", json!(true)),
    ] {
        let mut body = whole.clone();
        body[field] = value;
        server.refused(422, "invalid_request", || stop(&server, port, &body));
    }
    server.refused(422, "invalid_request", || server.ask("POST", "/v1/ports/0/stop", &whole.to_string()));
    assert!(holder.lives());
}

/// Set for the test that runs as a helper in a pid namespace.
const IN_NAMESPACE: &str = "PORTLEASE_TEST_IN_PID_NAMESPACE";

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn a_number_that_is_given_again_stops_nobody() {
    let status = Command::new("unshare")
        .args(["--pid", "--fork", "--kill-child", "--mount-proc"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "stop::rounds_of_numbers_given_again", "--nocapture"])
        .env(IN_NAMESPACE, "1")
        .status();
    assert!(status.unwrap().success());
}

/// Runs in a pid namespace of its own, or not at all.
#[test]
fn rounds_of_numbers_given_again() {
    if std::env::var_os(IN_NAMESPACE).is_none() {
        return;
    }
    let server = TestServer::start();
    let port = server.ports.at(0);
    for round in 0..20 {
        let holder = Holder::start(port);
        let (body, pid) = (seen(&server, port), holder.pid());
        assert_eq!(body["pid"], pid);
        drop(holder);
        // Half of them are the same server, started again.
        let mut innocent = again(pid, || match round % 2 {
            0 => Holder::innocent(),
            _ => Holder::start(port),
        });
        server.refused(409, "stale_request", || stop(&server, port, &body));
        assert!(innocent.lives(), "round {round}");
    }
}

/// Starts processes until one has that number. Threads take numbers, too.
fn again(pid: u32, start: impl Fn() -> Holder) -> Holder {
    const TRIES: usize = 100;
    for _ in 0..TRIES {
        let mut last = File::options().write(true).open("/proc/sys/kernel/ns_last_pid").unwrap();
        last.write_all((pid - 1).to_string().as_bytes()).unwrap();
        let holder = start();
        if holder.pid() == pid {
            return holder;
        }
    }
    panic!("no process got the number {pid} again");
}

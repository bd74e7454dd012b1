//! Each reason why a port cannot be reached, set up for real.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::OwnedFd,
    path::Path,
    process::{Child, Command},
};

use portleased::clock::Stopwatch;
use rustix::{
    net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with},
    process::{Pid, Signal, WaitOptions, kill_process, waitpid},
};
use serde_json::{Value, json};

use crate::server::TestServer;

/// The checks of a port as `id status`, and those that are not well in full.
fn examine(server: &TestServer, port: u16, host: &str) -> (Vec<String>, Vec<Value>) {
    let diagnosis = server.get(&format!("/v1/ports/{port}/diagnosis{host}")).json(200);
    assert_eq!(diagnosis["port"], port);
    let checks = diagnosis["checks"].as_array().unwrap();
    let word = |check: &Value, field: &str| check[field].as_str().unwrap().to_owned();
    let names = checks.iter().map(|check| format!("{} {}", word(check, "id"), word(check, "status")));
    let names = names.filter(|name| !name.starts_with("hosts ")).collect();
    // What this machine's hosts file says is no part of the tests here.
    let ill = checks.iter().filter(|check| check["status"] != "ok" && check["id"] != "hosts");
    let ill: Vec<Value> = ill.cloned().collect();
    assert!(ill.iter().all(|check| check["fix"].as_str().is_some_and(|fix| !fix.is_empty())), "{ill:?}");
    (names, ill)
}

/// The one check that is not well.
#[track_caller]
fn verdict(server: &TestServer, port: u16, host: &str, id: &str, summary: &str, fix: &str) {
    let (_, ill) = examine(server, port, host);
    let [check] = &ill[..] else { panic!("not one cause: {ill:?}") };
    assert_eq!(check["id"], id, "{check}");
    let (found, to_do) = (check["summary"].as_str().unwrap(), check["fix"].as_str().unwrap());
    assert!(found.contains(summary), "{summary:?} is not in {found:?}");
    assert!(to_do.contains(fix), "{fix:?} is not in {to_do:?}");
}

fn us() -> String {
    format!("(pid {}, user ", std::process::id())
}

#[test]
fn all_is_well() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    server.put("myapp/web", &json!({"port": port}).to_string()).json(201);
    let _app = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).unwrap();
    for host in ["", "?host=localhost", "?host=127.0.0.1", "?host=%5B::1%5D", "?host=app.localhost"] {
        let (names, _) = examine(&server, port, host);
        let well = ["listening ok", "address ok", "owner ok", "stopped ok", "queue ok", "connect ok"];
        assert_eq!(names, well, "{host}");
    }
}

#[test]
fn nothing_listens() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    let nothing = format!("nothing listens on port {port}");
    verdict(&server, port, "", "listening", &nothing, "portlease ports");
    server.put("myapp/web", &json!({"port": port}).to_string()).json(201);
    verdict(&server, port, "", "listening", &nothing, &format!("start myapp/web on it: PORT={port}"));
}

#[test]
fn it_was_there_until() {
    let server = TestServer::start();
    let (port, root) = (server.ports.at(0), server.dir().canonicalize().unwrap());
    server.put("myapp/web", &json!({"port": port, "root": root}).to_string()).json(201);
    let mut events = server.events("/v1/events", "").started();
    let app = App::start_in(&root, port);
    events.expect("lease.bound");
    let gone = format!("(pid {}, ", app.0.id());
    drop(app);
    let until = format!("nothing listens on port {port}; myapp/web was there until 2");
    // Also in the moment before anybody has noticed.
    verdict(&server, port, "", "listening", &until, &format!("start it again, with PORT={port}"));
    let unbound = events.expect("lease.unbound");
    let until = format!("myapp/web was there until {}: sleep 1000 ", unbound.data["at"].as_str().unwrap());
    verdict(&server, port, "", "listening", &until, "");
    verdict(&server, port, "", "listening", &gone, "");

    // A stranger that comes and goes is not the app.
    drop((TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap(), events.expect("lease.taken")));
    events.expect("lease.unbound");
    verdict(&server, port, "", "listening", &until, "");
}

#[test]
fn the_app_on_another_port() {
    let server = TestServer::start();
    let (port, other, root) = (server.ports.at(0), server.ports.at(1), server.dir().canonicalize().unwrap());
    server.put("myapp/web", &json!({"port": port, "root": root}).to_string()).json(201);
    let app = App::start_in(&root, other);
    let summary = format!("myapp/web is not on its port {port}: sleep 1000 (pid {}, ", app.0.id());
    let fix = format!("start it on its own port, with PORT={port}; until then: http://localhost:{other}");
    verdict(&server, port, "", "elsewhere", &summary, &fix);
    verdict(&server, port, "", "elsewhere", &format!(" listens on {other}"), &fix);
    {
        let _stranger = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let (names, _) = examine(&server, port, "");
        assert!(names.contains(&"owner fail".to_owned()) && names.contains(&"elsewhere fail".to_owned()));
    }
    // Another service of the project lives there.
    drop(app);
    server.put("myapp/api", &json!({"port": other}).to_string()).json(201);
    let _api = App::start_in(&root, other);
    verdict(&server, port, "", "listening", "nothing listens on port", "");
}

#[test]
fn an_app_without_a_root_is_known_by_its_tree() {
    let server = TestServer::start();
    let (port, other) = (server.ports.at(0), server.ports.at(1));
    let dir = tempfile::tempdir().unwrap();
    let app = App::start_in(dir.path(), other);
    server.put("lone/web", &json!({"port": port}).to_string()).json(201);
    verdict(&server, port, "", "listening", "nothing listens", "");
    server
        .put("lone/web", &json!({"owner_pid": app.0.id(), "reset": true, "port": port}).to_string())
        .json(200);
    verdict(&server, port, "", "elsewhere", &format!(" listens on {other}"), &format!("PORT={port}"));
}

#[test]
fn the_wrong_address() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    {
        let _app = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).unwrap();
        let fix = format!("http://[::1]:{port}");
        verdict(&server, port, "?host=127.0.0.1", "address", "listens on ::1 only, which is IPv6", &fix);
        verdict(&server, port, "", "address", "leads there by ::1, not by 127.0.0.1", &fix);
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap_err();
    }
    {
        let _app = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let fix = format!("http://127.0.0.1:{port}");
        verdict(&server, port, "?host=::1", "address", "listens on 127.0.0.1 only, which is IPv4", &fix);
        TcpStream::connect((Ipv6Addr::LOCALHOST, port)).unwrap_err();
        assert!(examine(&server, port, "").1.is_empty());
    }
    let _app = TcpListener::bind(("127.0.0.2", port)).unwrap();
    let fix = format!("http://127.0.0.2:{port}");
    for host in ["", "?host=127.0.0.1"] {
        verdict(&server, port, host, "address", "listens on 127.0.0.2 only", &fix);
    }
}

#[test]
fn bound_and_not_listening() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    let fd = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    bind(&fd, &SocketAddr::from((Ipv4Addr::LOCALHOST, port))).unwrap();
    verdict(&server, port, "", "bound_only", &us(), &format!("portlease stop {port}"));
    verdict(&server, port, "", "bound_only", &format!("has bound port {port} and does not listen"), "");
}

#[test]
fn udp_where_tcp_is_expected() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    let _app = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    verdict(&server, port, "", "udp", &format!("is on UDP port {port}, and nothing listens on TCP"), "nc -u");
}

#[test]
fn the_queue_is_full() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    let fd = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    bind(&fd, &address).unwrap();
    listen(&fd, 1).unwrap();
    let _waiting = [TcpStream::connect(address).unwrap(), TcpStream::connect(address).unwrap()];
    verdict(
        &server,
        port,
        "",
        "queue",
        "its queue is full (2 wait, 1 may)",
        &format!("portlease stop {port}"),
    );
    drop(rustix::net::accept(&fd).unwrap());
    assert!(examine(&server, port, "").1.is_empty());
}

/// A process with a listener as its standard input.
struct App(Child);

impl App {
    fn start(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        Self(Command::new("sleep").arg("1000").stdin(OwnedFd::from(listener)).spawn().unwrap())
    }

    fn start_in(dir: &Path, port: u16) -> Self {
        let listener = OwnedFd::from(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap());
        Self(Command::new("sleep").arg("1000").current_dir(dir).stdin(listener).spawn().unwrap())
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _may_be_gone = self.0.kill();
        let _status = self.0.wait();
    }
}

#[test]
fn a_stopped_process() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    let app = App::start(port);
    // What another test has just forked has our files for a moment, before it becomes what it is to be.
    let holder = || server.get(&format!("/v1/ports/{port}")).json(200)["holders"][0]["pid"].clone();
    let watch = Stopwatch::start();
    while holder() != app.0.id() {
        assert!(watch.elapsed().as_secs() < 20, "the app is not seen");
    }
    assert!(examine(&server, port, "").1.is_empty());
    let pid = Pid::from_child(&app.0);
    kill_process(pid, Signal::STOP).unwrap();
    let stopped = waitpid(Some(pid), WaitOptions::UNTRACED).unwrap().unwrap().1;
    assert!(stopped.stopped());
    let fix = format!("kill -CONT {}", app.0.id());
    verdict(&server, port, "", "stopped", "sleep 1000", &fix);
    let report = server.get(&format!("/v1/ports/{port}")).json(200);
    assert_eq!(report["holders"][0]["stopped"], true);
}

#[test]
fn a_stranger_in_place_of_the_app() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    let root = server.dir().canonicalize().unwrap();
    server.put("myapp/web", &json!({"port": port, "root": root}).to_string()).json(201);
    let _stranger = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    let summary = format!("myapp/web: {port} is taken by ");
    verdict(
        &server,
        port,
        "",
        "owner",
        &summary,
        &format!("portlease stop {port}; or move: portlease get myapp web"),
    );
    verdict(&server, port, "", "owner", &us(), "");
}

#[test]
fn a_port_that_browsers_refuse() {
    let server = TestServer::start();
    let (_, ill) = examine(&server, 6697, "");
    assert_eq!(ill.last().unwrap()["summary"], "browsers refuse to open port 6697 (ERR_UNSAFE_PORT)");
}

#[test]
fn what_is_not_understood_is_refused() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    for query in ["?host=example.com", "?host=", "?hosts=localhost", "?host=::1&host=::1", "?host=%1B%5B2J"] {
        let target = format!("/v1/ports/{port}/diagnosis{query}");
        server.refused(422, "invalid_request", || server.get(&target));
    }
    server.refused(422, "invalid_request", || server.get("/v1/ports/0/diagnosis"));
}

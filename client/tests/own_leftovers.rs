//! What a project's own connections leave on its port never costs it the port.
#![cfg(all(target_os = "linux", feature = "cli"))]
#![expect(clippy::unwrap_used, reason = "what does not work in a test fails it")]

#[path = "support/netns.rs"]
mod netns;
mod support;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::fd::OwnedFd,
};

use rustix::{
    net::{AddressFamily, SocketType, bind, listen, socket},
    process::Signal,
};
use serde_json::{Value, json};

use netns::in_new_netns;
use support::Home;

/// Whether the server sets SO_REUSEADDR.
#[derive(Clone, Copy)]
enum Server {
    /// As nearly all do.
    Reusing,
    Bare,
}

impl Server {
    fn listener(self, port: u16) -> TcpListener {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        match self {
            // std sets the option.
            Self::Reusing => TcpListener::bind(address).unwrap(),
            Self::Bare => {
                let fd: OwnedFd = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
                bind(&fd, &address).unwrap();
                listen(&fd, 16).unwrap();
                fd.into()
            }
        }
    }

    /// Serves one client on the port and ends, with the connection still open.
    fn serve(self, port: u16) -> (TcpStream, TcpStream) {
        let listener = self.listener(port);
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (listener.accept().unwrap().0, client)
    }

    /// Serves one client on the port and ends, and closes first: that leaves
    /// its end in TIME_WAIT.
    fn leave_time_wait(self, port: u16) {
        let (served, mut client) = self.serve(port);
        drop(served);
        io::copy(&mut client, &mut io::sink()).unwrap();
        drop(client);
        assert!(Self::is_in_the_way(port), "nothing is left on {port}");
    }

    /// Whether something is on the port that keeps a plain bind from it.
    fn is_in_the_way(port: u16) -> bool {
        let fd = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&fd, &SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_err()
    }
}

fn home() -> Home {
    Home::new(vec![env!("CARGO_BIN_EXE_portlease").into()], "pool = \"28500-28507\"")
}

/// Gets the lease, which must be idle and where it was.
#[track_caller]
fn assert_keeps(home: &Home, port: u16, args: &[&str]) {
    let ran = home.run(&[args, &["--json"]].concat());
    let lease: Value = ran.json();
    let now = json!([lease["port"], lease["state"], lease["changed"]]);
    assert_eq!(now, json!([port, "reserved", null]), "{args:?}: {ran:?}");
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn time_wait_on_the_leased_port() {
    for server in [Server::Reusing, Server::Bare] {
        in_new_netns(|| {
            let home = home();
            let port = home.run(&["get", "app"]).port().unwrap();
            server.leave_time_wait(port);
            assert_keeps(&home, port, &["get", "app"]);
            assert_keeps(&home, port, &["get", "app", "--strict"]);
            assert_keeps(&home, port, &["get", "app", "--reset"]);
            home.kill(Signal::KILL);
            assert_keeps(&home, port, &["get", "app"]);
        });
    }
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn connections_that_outlive_the_server() {
    for server in [Server::Reusing, Server::Bare] {
        in_new_netns(|| {
            let home = home();
            let port = home.run(&["get", "app"]).port().unwrap();
            let _open = server.serve(port);
            assert_keeps(&home, port, &["get", "app"]);
            assert_keeps(&home, port, &["get", "app", "--strict"]);
        });
    }
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn a_released_port_goes_back_to_its_project() {
    in_new_netns(|| {
        let home = home();
        let port = home.run(&["get", "app"]).port().unwrap();
        Server::Reusing.leave_time_wait(port);
        assert_eq!(home.run(&["release", "app"]).code, 0);
        let other = home.run(&["get", "other", "--port", &port.to_string(), "--json"]);
        assert_eq!((other.code, &other.json()["code"]), (4, &json!("port_cooling")), "{other:?}");
        assert_keeps(&home, port, &["get", "app"]);
        let _serving = Server::Reusing.listener(port);
    });
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn a_port_asked_for_by_number() {
    in_new_netns(|| {
        let home = home();
        Server::Reusing.leave_time_wait(28503);
        assert_keeps(&home, 28503, &["get", "app", "--port", "28503"]);
        Server::Reusing.leave_time_wait(28504);
        assert_keeps(&home, 28504, &["get", "app", "second", "--prefer", "28504"]);
        // On this one no server can listen for a minute.
        Server::Bare.leave_time_wait(28505);
        let refused = home.run(&["get", "app", "third", "--port", "28505", "--json"]);
        assert_eq!((refused.code, &refused.json()["code"]), (4, &json!("port_in_use")), "{refused:?}");
    });
}

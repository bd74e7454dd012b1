//! The real daemon in a sandbox that has no netlink, and so no sock_diag: it
//! cannot tell whose a TCP connection is, nor what is on a port.

use std::{collections::BTreeMap, net::TcpListener, process::Command, thread};

use rustix::io::Errno;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};
use serde_json::Value;

use crate::{
    daemon::{Daemon, Home},
    support::{http::Answer, ports::POOL},
    token::{tcp, token},
};

/// Refuses netlink sockets in the way that systemd's RestrictAddressFamilies does.
fn without_netlink() -> BpfProgram {
    let family = u64::from(rustix::net::AddressFamily::NETLINK.as_raw());
    let netlink =
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, family).expect("an argument");
    let rules = BTreeMap::from([(libc::SYS_socket, vec![SeccompRule::new(vec![netlink]).expect("a rule")])]);
    let refuse = SeccompAction::Errno(Errno::AFNOSUPPORT.raw_os_error().unsigned_abs());
    let arch = std::env::consts::ARCH.try_into().expect("an architecture that seccomp knows");
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch).expect("a filter");
    filter.try_into().expect("a program")
}

/// A daemon that serves, in the sandbox. A process inherits the filter of the
/// thread that started it.
fn sandboxed(home: &Home) -> Daemon<'_> {
    let mut daemon = thread::scope(|scope| {
        let spawned = scope.spawn(|| {
            apply_filter(&without_netlink()).expect("the kernel takes the filter");
            home.spawn_as(Command::new(env!("CARGO_BIN_EXE_portleased")))
        });
        spawned.join().expect("a daemon")
    });
    daemon.health();
    daemon
}

#[track_caller]
fn refused(answer: Answer, status: u16, code: &str) {
    let text = String::from_utf8_lossy(&answer.body);
    let problem: Value = serde_json::from_str(&text).unwrap_or_default();
    assert_eq!((answer.status, problem["code"].as_str()), (status, Some(code)), "{text}");
}

#[test]
fn tcp_needs_the_token_without_being_told() {
    let home = Home::new();
    let mut daemon = sandboxed(&home);
    let token = token(&home).unwrap();
    let health = daemon.health();
    assert_eq!(health["endpoint"]["auth"], "token");
    assert_eq!(health["endpoint"]["port"], health["wanted_port"]);

    for wrong in [None, Some("0".repeat(64))] {
        let answer = tcp(&mut daemon, "PUT", "/v1/leases/myapp/web", wrong.as_deref());
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")));
    }
    refused(daemon.ask("GET", "/v1/leases/myapp/web", ""), 404, "no_such_lease");
    let lease = tcp(&mut daemon, "PUT", "/v1/leases/myapp/web", Some(&token)).json(201);
    // The Unix socket is as ever.
    assert_eq!(daemon.put("myapp/web").json(200), lease);
    assert_eq!(tcp(&mut daemon, "DELETE", "/v1/leases/myapp", Some(&token)).status, 204);
    let warned = daemon.said().lines().filter(|line| line.contains("TCP needs the token")).count();
    assert_eq!(warned, 1, "said once, not for each connection: {}", daemon.said());
}

#[test]
fn what_it_cannot_see_it_says_and_gives_no_port_that_is_taken() {
    let home = Home::new();
    let mut daemon = sandboxed(&home);
    let first = daemon.put("myapp/web").json(201);
    let port = u16::try_from(first["port"].as_u64().unwrap()).unwrap();
    assert_eq!(first["state"], "reserved");

    // Somebody comes: it may be the project's own app, or a stranger.
    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    for (method, target) in [
        ("PUT", "/v1/leases/myapp/web"),
        ("GET", "/v1/leases/myapp/web"),
        ("GET", "/v1/leases/myapp"),
        ("GET", "/v1/leases"),
    ] {
        refused(daemon.ask(method, target, ""), 503, "socket_table_unavailable");
    }
    let exactly = format!("{{\"port\": {port}}}");
    let other = daemon.ask("PUT", "/v1/leases/other/web", &exactly);
    refused(other, 503, "socket_table_unavailable");

    drop(taken);
    assert_eq!(daemon.put("myapp/web").json(200), first);
}

#[test]
fn of_the_pool_it_gives_what_is_free() {
    let home = Home::new();
    let mut daemon = sandboxed(&home);
    let free = home.ports.at(3);
    let all = (0..POOL - 1).map(|index| home.ports.at(index)).filter(|port| *port != free);
    let _taken: Vec<TcpListener> =
        all.map(|port| TcpListener::bind(("127.0.0.1", port)).expect("a port of our own")).collect();
    assert_eq!(daemon.put("myapp/web").json(201)["port"], free);
    refused(daemon.put("other/web"), 409, "pool_exhausted");
}

#[test]
fn where_there_is_netlink_nobody_needs_the_token() {
    let home = Home::new();
    let mut daemon = home.start();
    assert_eq!(daemon.health()["endpoint"]["auth"], "user");
    tcp(&mut daemon, "PUT", "/v1/leases/myapp/web", None).json(201);
}

//! What is told apart by facts that no single machine has.

use std::net::IpAddr;

use portlease_proto::{Check, CheckStatus, Port, PortReport, Socket, SocketState, Transport};

use super::*;
use crate::manager::{Elsewhere, LastApp, Whereabouts};

pub(super) fn facts(host: &str, addresses: &[(&str, Option<bool>)]) -> Facts {
    let socket = |(address, dual_stack): &(&str, Option<bool>)| Socket {
        transport: Transport::Tcp,
        address: address.parse().unwrap(),
        dual_stack: *dual_stack,
        state: SocketState::Listening,
        exposed: false,
        remote: None,
        queue: None,
        user: None,
        inode: Some(7),
        pid: None,
    };
    let report = PortReport {
        port: Port::constant(3000),
        free: false,
        reason: None,
        excluded: None,
        sockets: addresses.iter().map(socket).collect(),
        holders: Vec::new(),
        lease: None,
        well_known: None,
    };
    Facts {
        report,
        host: host.parse().unwrap(),
        scheme: None,
        whereabouts: Whereabouts::default(),
        way: Way::default(),
    }
}

fn address(host: &str, addresses: &[(&str, Option<bool>)]) -> Check {
    address::check(&facts(host, addresses)).unwrap()
}

#[test]
fn which_listener_takes_which_connection() {
    for (listener, to, reached) in [
        (("0.0.0.0", None), "127.0.0.1", true),
        (("0.0.0.0", None), "10.0.0.1", true),
        (("0.0.0.0", None), "::1", false),
        (("::", Some(true)), "127.0.0.1", true),
        (("::", Some(true)), "::1", true),
        (("::", Some(false)), "127.0.0.1", false),
        (("::", Some(false)), "::1", true),
        (("::", None), "127.0.0.1", true),
        (("::1", None), "127.0.0.1", false),
        (("127.0.0.1", None), "127.0.0.2", false),
        (("::ffff:127.0.0.1", None), "127.0.0.1", true),
        (("::ffff:0.0.0.0", None), "127.0.0.1", true),
        (("::ffff:127.0.0.1", None), "::1", false),
        (("10.0.0.1", None), "127.0.0.1", false),
    ] {
        let to_address: IpAddr = to.parse().unwrap();
        assert_eq!(facts(to, &[listener]).reaches(to_address), reached, "{listener:?} {to}");
    }
}

#[test]
fn localhost_is_two_addresses() {
    let status = |addresses: &[(&str, Option<bool>)]| address("localhost", addresses).status;
    assert_eq!(status(&[("::", Some(true))]), CheckStatus::Ok);
    assert_eq!(status(&[("127.0.0.1", None), ("::1", None)]), CheckStatus::Ok);
    assert_eq!(status(&[("127.0.0.1", None)]), CheckStatus::Ok);
    assert_eq!(status(&[("::1", None)]), CheckStatus::Warn);
    assert_eq!(status(&[("127.0.0.2", None)]), CheckStatus::Fail);
    assert_eq!(status(&[("10.0.0.1", None)]), CheckStatus::Fail);
    assert_eq!(status(&[("127.0.0.2", None), ("::1", None)]), CheckStatus::Warn);
}

#[test]
fn an_address_that_is_not_reached_is_explained() {
    for (host, listener, summary, fix) in [
        (
            "127.0.0.1",
            ("::1", None),
            "it listens on ::1 only, which is IPv6, and 127.0.0.1 is IPv4",
            "use http://[::1]:3000, or let the app listen on 127.0.0.1",
        ),
        (
            "127.0.0.1",
            ("10.0.0.1", None),
            "it listens on 10.0.0.1 only, an address of the network, and 127.0.0.1 is another one",
            "use http://10.0.0.1:3000, or let the app listen on 127.0.0.1",
        ),
        (
            "::1",
            ("0.0.0.0", None),
            "it listens on 0.0.0.0 only, which is IPv4, and ::1 is IPv6",
            "use http://127.0.0.1:3000, or let the app listen on ::1",
        ),
        (
            "127.0.0.1",
            ("::", Some(false)),
            "it listens on :: only, which is IPv6, and 127.0.0.1 is IPv4",
            "use http://[::1]:3000, or let the app listen on 127.0.0.1",
        ),
        (
            "localhost",
            ("127.0.0.2", None),
            "it listens on 127.0.0.2 only, which is another address than localhost",
            "use http://127.0.0.2:3000, or let the app listen on 127.0.0.1",
        ),
        (
            "10.0.0.1",
            ("127.0.0.1", None),
            "it listens on 127.0.0.1 only, which this machine alone reaches",
            "use http://127.0.0.1:3000, or let the app listen on 10.0.0.1",
        ),
    ] {
        let check = address(host, &[listener]);
        assert_eq!((check.summary.as_str(), check.fix.as_deref()), (summary, Some(fix)));
        assert_eq!(check.status, CheckStatus::Fail);
    }
}

#[test]
fn a_port_that_browsers_refuse() {
    let mut facts = facts("localhost", &[]);
    assert_eq!(browser::check(&facts), None);
    facts.report.port = Port::constant(6000);
    assert_eq!(browser::check(&facts).unwrap().status, CheckStatus::Fail);
}

/// A lease of nobody's port, whose app is somewhere else.
fn absent(last: Option<&str>, elsewhere: &[(u16, &str)]) -> Facts {
    let golden = include_str!("../../../proto/tests/golden/lease_reserved.json");
    let mut facts = facts("localhost", &[]);
    facts.report.lease = Some(serde_json::from_str(golden).unwrap());
    let process = |pid, command: &str| portlease_proto::Holder {
        pid: Some(pid),
        command: Some(command.to_owned()),
        user: Some("ada".to_owned()),
        ..Default::default()
    };
    facts.whereabouts = Whereabouts {
        last: last.map(|command| LastApp {
            holder: process(815, command),
            until: "2026-01-02T03:04:05.000Z".to_owned(),
        }),
        elsewhere: elsewhere
            .iter()
            .map(|(port, command)| Elsewhere {
                port: Port::constant(*port),
                address: IpAddr::from([127, 0, 0, 1]),
                holder: process(4711, command),
            })
            .collect(),
    };
    facts
}

#[test]
fn an_app_that_was_there() {
    let check = listening::check(&absent(None, &[])).unwrap();
    assert_eq!(check.summary, "nothing listens on port 3000");
    assert_eq!(
        check.fix.as_deref(),
        Some(
            "start myapp/web on it: PORT=3000, or the port option of its framework, as in vite --port 3000 --strictPort"
        )
    );
    let check = listening::check(&absent(Some("node vite"), &[])).unwrap();
    assert_eq!(
        check.summary,
        "nothing listens on port 3000; myapp/web was there until 2026-01-02T03:04:05.000Z: node vite (pid 815, user ada)"
    );
    assert_eq!(check.fix.as_deref(), Some("start it again: vite --port 3000 --strictPort"));
    let check = listening::check(&absent(Some("node server.js"), &[])).unwrap();
    assert_eq!(check.fix.as_deref(), Some("start it again, with PORT=3000"));
}

#[test]
fn an_app_on_another_port() {
    let facts = absent(Some("node vite"), &[(5173, "node vite"), (24678, "node vite")]);
    assert_eq!(listening::check(&facts), None, "the other check has more to say");
    let check = elsewhere::check(&facts).unwrap();
    assert_eq!(
        check.summary,
        "myapp/web is not on its port 3000: node vite (pid 4711, user ada) listens on 5173; also 24678"
    );
    assert_eq!(
        check.fix.as_deref(),
        Some("start it on its own port: vite --port 3000 --strictPort; until then: http://localhost:5173")
    );
    let check = elsewhere::check(&absent(None, &[(8080, "node server.js")])).unwrap();
    assert_eq!(
        check.fix.as_deref(),
        Some("start it on its own port, with PORT=3000; until then: http://localhost:8080")
    );
    assert_eq!(elsewhere::check(&absent(None, &[])), None);
}

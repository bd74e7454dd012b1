//! What is on a port, and what listens, as the manager tells it.

use portlease_proto::{BusyReason, Parent, Port, Unit};

use super::{any, exactly};
use crate::{
    doubles::{Asked, Doubles, OTHER_UID, OUR_UID},
    manager::Extent,
    processes::Trace,
    sockets::{SocketError, SocketState, Transport},
};

const PORT: Port = Port::constant(3000);

#[test]
fn a_free_port_takes_one_probe() {
    let doubles = Doubles::default();
    let report = doubles.manager().try_port(PORT, Extent::Serving).unwrap().unwrap();
    assert!(report.free && report.sockets.is_empty());
    assert_eq!(doubles.sockets.kernel().asked, Asked { probe: 1, ..Asked::default() });
}

#[test]
fn a_holder_that_is_remembered_takes_no_walk() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let open = doubles.stranger(PORT);
    let trace = Trace {
        parents: vec![Parent { pid: 7, name: "zsh".to_owned() }],
        unit: Some(Unit { manager: "docker".to_owned(), name: "0123456789ab".to_owned() }),
        stopped: true,
        elsewhere: true,
    };
    doubles.processes.running().traces.insert(open.pid, trace.clone());
    for _ in 0..2 {
        assert!(manager.try_port(PORT, Extent::Serving).unwrap().is_none());
        let report = manager.port(PORT, Extent::All).unwrap();
        assert_eq!((report.free, report.reason), (false, Some(BusyReason::InUse)));
        let [holder] = &report.holders[..] else { panic!("{report:?}") };
        assert_eq!((holder.process.pid, holder.inodes.as_slice()), (Some(open.pid), &[open.inode][..]));
        assert_eq!((&holder.parents, &holder.unit, holder.stopped), (&trace.parents, &trace.unit, true));
        assert!(holder.remarks[0].contains("another network namespace"), "{holder:?}");
    }
    assert_eq!(doubles.processes.running().finds, 1);
}

#[test]
fn a_holder_that_cannot_be_read_is_shown() {
    let doubles = Doubles::default();
    doubles.sockets.listen(Transport::Tcp, PORT, OTHER_UID, 77);
    doubles.sockets.add(Transport::Tcp, PORT, SocketState::Connected, OTHER_UID, 78);
    doubles.sockets.add(Transport::Tcp, PORT, SocketState::Connected, OUR_UID, 79);
    doubles.sockets.leave(PORT);
    let report = doubles.manager().port(PORT, Extent::All).unwrap();
    assert_eq!(report.sockets.len(), 4);
    let holders: Vec<_> = report
        .holders
        .iter()
        .map(|holder| (holder.process.user.as_deref(), holder.inodes.as_slice(), holder.remarks.len()))
        .collect();
    assert_eq!(holders, [(Some("eve"), &[77, 78][..], 1), (Some("ada"), &[79][..], 1)]);
    for holder in &report.holders {
        assert_eq!(holder.process.pid, None);
        assert!(holder.remarks[0].contains("sudo ss -lpn 'sport = :3000'"), "{holder:?}");
    }
    let left = report.sockets.last().unwrap();
    assert_eq!((&left.user, left.inode), (&None, None));
}

#[test]
fn a_docker_proxy_of_root_is_guessed_and_called_a_guess() {
    let doubles = Doubles::default();
    doubles.sockets.listen(Transport::Tcp, PORT, 0, 77);
    doubles.processes.running().docker_proxies.insert(PORT, 812);
    let holder = doubles.manager().port(PORT, Extent::All).unwrap().holders.remove(0);
    assert_eq!(holder.process.pid, None, "it is not known to have the socket");
    assert!(holder.remarks[1].starts_with("docker-proxy (pid 812) says"), "{holder:?}");
    assert!(holder.remarks[1].ends_with("docker ps --filter publish=3000"), "{holder:?}");
}

#[test]
fn why_a_port_is_not_free() {
    for (state, inode, reason) in [
        (SocketState::Listening, 7, BusyReason::InUse),
        (SocketState::BoundOnly, 7, BusyReason::Bound),
        (SocketState::Connected, 7, BusyReason::Connected),
        (SocketState::Leftover, 0, BusyReason::Leftovers),
    ] {
        let doubles = Doubles::default();
        doubles.sockets.add(Transport::Tcp, PORT, state, OUR_UID, inode);
        doubles.sockets.kernel().stubborn.insert(PORT);
        let report = doubles.manager().port(PORT, Extent::All).unwrap();
        assert_eq!((report.free, report.reason), (false, Some(reason)), "{state:?}");
    }
    let doubles = Doubles::default();
    doubles.sockets.kernel().privileged.insert(PORT);
    let manager = doubles.manager();
    assert!(manager.try_port(PORT, Extent::Serving).unwrap().is_none());
    assert_eq!(manager.port(PORT, Extent::All).unwrap().reason, Some(BusyReason::Privileged));
}

#[test]
fn leftovers_that_servers_bind_over_leave_the_port_free() {
    let doubles = Doubles::default();
    doubles.sockets.leave(PORT);
    let report = doubles.manager().port(PORT, Extent::All).unwrap();
    assert_eq!((report.free, report.reason, report.sockets.len()), (true, None, 1));
}

#[test]
fn the_lease_on_the_port_is_judged() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let root = tempfile::tempdir().unwrap();
    let request = portlease_proto::GetRequest { root: Some(super::path(&root)), ..exactly(PORT) };
    let lease = manager.lease("app/web", &request);
    assert_eq!(manager.try_port(PORT, Extent::Serving).unwrap().unwrap().lease, Some(lease.clone()));
    doubles.app(PORT, &super::path(&root));
    assert_eq!(
        manager.port(PORT, Extent::All).unwrap().lease.unwrap().state,
        portlease_proto::LeaseState::Bound
    );
    doubles.sockets.clear(PORT);
    doubles.stranger(PORT);
    let report = manager.port(PORT, Extent::All).unwrap();
    assert_eq!(report.lease.unwrap().state, portlease_proto::LeaseState::Taken);
    let listed = &manager.ports().unwrap()[0];
    assert_eq!(listed.lease.as_ref().unwrap().state, portlease_proto::LeaseState::Taken);
}

#[test]
fn an_exposed_framework_comes_with_its_fix() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    manager.lease("app/web", &any());
    let open = doubles.serve(Transport::Tcp, PORT, OUR_UID, "/srv");
    let command = "node node_modules/.bin/vite --host".to_owned();
    doubles.processes.running().processes.get_mut(&open.pid).unwrap().holder.command = Some(command);
    let [listener] = &manager.ports().unwrap()[..] else { panic!() };
    assert!(listener.exposed);
    assert_eq!(listener.fix.as_deref(), Some("vite --host 127.0.0.1"));
    assert_eq!(listener.lease, None);
}

#[test]
fn a_table_that_is_not_whole_is_no_empty_list() {
    let doubles = Doubles::default();
    doubles.sockets.kernel().fails = Some(|| SocketError::NotWhole("TCP"));
    let manager = doubles.manager();
    assert!(
        manager.ports().is_err()
            && manager.port(PORT, Extent::All).is_err()
            && manager.try_port(PORT, Extent::Serving).is_err()
    );
}

/// Whoever may have the port is shown, whatever it takes.
#[test]
fn connections_are_left_out_only_where_a_listener_has_the_port() {
    use SocketState::{BoundOnly, Connected, Leftover, Listening};
    use Transport::{Tcp, Udp};
    for (sockets, serving, walks) in [
        (&[(Tcp, Listening), (Tcp, Connected), (Tcp, Leftover)][..], 1, 0),
        (&[(Tcp, Connected), (Tcp, Leftover)], 2, 1),
        (&[(Tcp, BoundOnly)], 1, 1),
        (&[(Udp, Listening)], 1, 0),
        (&[(Udp, Listening), (Tcp, BoundOnly)], 2, 1),
        (&[(Udp, Listening), (Tcp, Listening), (Tcp, Connected)], 2, 0),
    ] {
        let doubles = Doubles::default();
        for (inode, (transport, state)) in (7..).zip(sockets) {
            doubles.sockets.add(*transport, PORT, *state, OUR_UID, inode);
        }
        let manager = doubles.manager();
        let shown = |extent| manager.port(PORT, extent).unwrap().sockets.len();
        assert_eq!(shown(Extent::Serving), serving, "{sockets:?}");
        assert_eq!(doubles.sockets.kernel().asked.on_port, walks, "{sockets:?}");
        assert_eq!(shown(Extent::All), sockets.len(), "{sockets:?}");
    }
}

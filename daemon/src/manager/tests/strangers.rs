//! Somebody is on the port of a lease: its own app, a stranger, or another
//! daemon.

use std::time::Duration;

use portlease_proto::{Change, LeaseState, Protocol, SkipReason};

use super::*;
use crate::doubles::{OTHER_UID, OUR_UID};

#[test]
fn a_lease_moves_off_a_port_that_a_stranger_took() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let (first, order) = (manager.lease("app/web", &any()), walk("app/web"));
    doubles.stranger(first.port);
    doubles.clock.advance(Duration::from_secs(5));

    let moved = manager.granted("app/web", &any());
    assert!(!moved.created);
    assert_eq!(moved.lease.created_at, first.created_at);
    assert!(moved.lease.renewed_at > first.renewed_at);
    let because = "taken by server-101 (pid 101, user eve, in /srv)".to_owned();
    let change = Change { from: order[0], to: order[1], because };
    assert_eq!(moved.lease.changed, Some(change));
    assert_eq!((&moved.lease.id, moved.lease.port), (&first.id, order[1]));
    assert_eq!((moved.lease.state, &moved.lease.holder), (LeaseState::Reserved, &None));
    assert_eq!(manager.claimed(), [order[1]]);
    assert_eq!(doubles.store.saved().find(&key("app/web")).unwrap().port, order[1]);
    assert_eq!(doubles.store.saved().at(order[0]), None);

    // It is told once, and the lease stays when the stranger goes.
    doubles.sockets.clear(order[0]);
    let lease = Lease { changed: None, ..moved.lease };
    assert_eq!(manager.lease("app/web", &any()), lease);
}

#[test]
fn a_lease_that_moves_follows_the_request() {
    let preferred = Port::constant(3000);
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let udp = GetRequest { protocol: Some(Protocol::Udp), ..any() };
    let first = manager.lease("app/web", &udp);
    doubles.serve(Transport::Udp, first.port, OTHER_UID, "/srv");
    // A lease keeps its protocol, so that TCP does not matter there either.
    doubles.stranger(preferred);
    let moved = manager.lease("app/web", &prefer(&[preferred]));
    assert_eq!((moved.port, moved.protocol), (preferred, Protocol::Udp));
}

#[test]
fn strict_or_the_exact_port_refuses_to_move() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let port = manager.lease("app/web", &any()).port;
    doubles.stranger(port);
    let commits = doubles.store.commits();
    for request in [GetRequest { strict: true, ..any() }, exactly(port)] {
        let error = manager.refused("app/web", &request);
        let Error::InUse { port: named, holder } = &error else { panic!("{error:?}") };
        assert_eq!((*named, holder.pid), (port, Some(101)));
        assert_eq!(doubles.store.commits(), commits);
        assert_eq!(manager.claimed(), [port]);
        assert_eq!(manager.show(&key("app/web")).unwrap().state, LeaseState::Taken);
    }
}

#[test]
fn a_lease_with_nowhere_to_go_stays() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let port = manager.lease("app/web", &any()).port;
    for port in POOL.ports() {
        doubles.stranger(port);
    }
    let error = manager.refused("app/web", &any());
    assert!(matches!(error, Error::Exhausted { .. }), "{error}");
    assert_eq!(manager.claimed(), [port]);
    doubles.sockets.clear(port);
    assert_eq!(manager.lease("app/web", &any()).port, port);
}

#[test]
fn its_own_app_is_an_answer_and_a_stranger_is_not() {
    let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let inside = format!("{}/src", path(&root));
    let [here, elsewhere] = [&root, &other].map(path);
    for (with_root, uid, cwd, own) in [
        (true, OUR_UID, here.as_str(), true),
        (true, OUR_UID, &inside, true),
        (true, OUR_UID, "/srv", false),
        (true, OUR_UID, &elsewhere, false),
        (true, OTHER_UID, &here, false),
        (false, OUR_UID, "/srv", true),
        (false, OTHER_UID, "/srv", false),
        // In the root of another lease.
        (false, OUR_UID, &elsewhere, false),
    ] {
        let case = format!("{with_root} {uid} {cwd}");
        let doubles = Doubles::default();
        let manager = doubles.manager();
        manager.lease("other/web", &from_root(&other));
        let request = if with_root { from_root(&root) } else { any() };
        let before = manager.lease("app/web", &request);
        doubles.serve(Transport::Tcp, before.port, uid, cwd);
        let after = manager.lease("app/web", &request);
        assert_eq!(after.port == before.port, own, "{case}");
        assert_eq!(after.changed.is_none(), own, "{case}");
        if own {
            assert_eq!(after.state, LeaseState::Bound, "{case}");
            let holder = after.holder.unwrap();
            assert_eq!((holder.pid, holder.cwd.as_deref()), (Some(101), Some(cwd)), "{case}");
        }
    }
}

#[test]
fn a_root_that_comes_with_the_request_knows_the_app() {
    let root = tempfile::tempdir().unwrap();
    let doubles = Doubles::default();
    let manager = doubles.manager();
    // Another service of the project told the root; this one has none yet.
    manager.lease("app/db", &from_root(&root));
    let before = manager.lease("app/web", &any());
    doubles.app(before.port, &path(&root));
    let after = manager.lease("app/web", &from_root(&root));
    assert_eq!((after.port, after.state), (before.port, LeaseState::Bound));
    assert_eq!(after.root, Some(path(&root)));
}

#[test]
fn a_first_root_that_does_not_hold_the_app_makes_it_a_stranger() {
    let root = tempfile::tempdir().unwrap();
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let before = manager.lease("app/web", &any());
    doubles.app(before.port, "/srv");
    assert_ne!(manager.lease("app/web", &from_root(&root)).port, before.port);
}

#[test]
fn who_cannot_be_read_is_a_stranger() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let port = manager.lease("app/web", &any()).port;
    doubles.sockets.listen(Transport::Tcp, port, OUR_UID, 7);
    let moved = manager.lease("app/web", &any());
    let because = moved.changed.unwrap().because;
    assert_eq!(because, "taken by a process that only root can see (user ada)");
}

#[test]
fn a_stranger_beside_the_app_does_not_cost_the_port() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let port = manager.lease("app/web", &any()).port;
    doubles.serve(Transport::Udp, port, OTHER_UID, "/srv");
    let app = doubles.app(port, "/code");
    let lease = manager.lease("app/web", &any());
    assert_eq!((lease.port, lease.state), (port, LeaseState::Bound));
    assert_eq!(lease.holder.unwrap().pid, Some(app.pid));
}

#[test]
fn a_socket_of_the_other_protocol_does_not_make_a_stranger_the_app() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let tcp = GetRequest { protocol: Some(Protocol::Tcp), ..any() };
    let port = manager.lease("app/web", &tcp).port;
    doubles.serve(Transport::Udp, port, OUR_UID, "/code");
    // Not to be read, so that everything on the port is looked at.
    doubles.sockets.listen(Transport::Tcp, port, OTHER_UID, 7);
    assert_ne!(manager.lease("app/web", &tcp).port, port);
}

#[test]
fn an_explained_move_begins_with_the_port_that_was_left() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let port = manager.lease("app/web", &any()).port;
    doubles.stranger(port);
    let moved = manager.lease("app/web", &GetRequest { explain: true, ..any() });
    let skipped = moved.explain.unwrap().skipped;
    let [own] = skipped.as_slice() else { panic!("{skipped:?}") };
    assert_eq!((own.port, own.reason), (port, SkipReason::InUse));
    assert_eq!(own.detail, moved.changed.unwrap().because);
}

#[test]
fn only_the_protocol_of_the_lease_counts() {
    for (protocol, transport, moves) in [
        (Protocol::Tcp, Transport::Udp, false),
        (Protocol::Udp, Transport::Tcp, false),
        (Protocol::Tcp, Transport::Tcp, true),
        (Protocol::Udp, Transport::Udp, true),
        (Protocol::Both, Transport::Udp, true),
        (Protocol::Both, Transport::Tcp, true),
    ] {
        let doubles = Doubles::default();
        let manager = doubles.manager();
        let before = manager.lease("app/web", &GetRequest { protocol: Some(protocol), ..any() });
        doubles.serve(transport, before.port, OTHER_UID, "/srv");
        let after = manager.lease("app/web", &any());
        assert_eq!(after.changed.is_some(), moves, "{protocol} {transport:?}");
        assert_eq!(after == before, !moves, "{protocol} {transport:?}");
    }
}

#[test]
fn leftovers_on_its_port_do_not_matter_to_a_lease() {
    for stubborn in [false, true] {
        let doubles = Doubles::default();
        let manager = doubles.manager();
        let lease = manager.lease("app/web", &any());
        doubles.sockets.leave(lease.port);
        if stubborn {
            doubles.sockets.kernel().stubborn.insert(lease.port);
        }
        assert_eq!(manager.lease("app/web", &any()), lease, "stubborn: {stubborn}");
    }
}

#[test]
fn an_unknown_holder_is_found_once_and_remembered() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let port = manager.lease("app/web", &any()).port;
    let app = doubles.app(port, "/code");
    let try_get = || manager.try_get(&key("app/web"), &any()).unwrap();
    let finds = || doubles.processes.running().finds;

    let commits = doubles.store.commits();
    assert_eq!(try_get(), None);
    assert_eq!(manager.try_show(&key("app/web")).unwrap(), None);
    assert_eq!((finds(), doubles.store.commits()), (0, commits));
    let bound = manager.granted("app/web", &any());
    assert_eq!((bound.lease.state, finds()), (LeaseState::Bound, 1));
    assert_eq!(try_get(), Some(bound.clone()));
    assert_eq!(manager.try_show(&key("app/web")).unwrap(), Some(bound.lease));
    assert_eq!((finds(), doubles.sockets.kernel().asked.on_port), (1, 1));

    // The app closes its socket and a stranger takes over, first with a socket
    // of its own, then with the very number that was remembered.
    doubles.processes.close(app);
    assert_eq!(try_get(), None);
    let eve = doubles.processes.start(OTHER_UID, "/srv");
    doubles.processes.close(eve);
    let reused = crate::processes::OpenSocket { inode: app.inode, ..eve };
    doubles.processes.running().open.push(reused);
    doubles.sockets.clear(port);
    doubles.sockets.listen(Transport::Tcp, port, OTHER_UID, reused.inode);
    assert_eq!(try_get(), None);
    let moved = manager.lease("app/web", &any());
    let because = moved.changed.unwrap().because;
    assert_eq!(because, format!("taken by server-{0} (pid {0}, user eve, in /srv)", eve.pid));
}

#[test]
fn a_port_that_another_daemon_has_is_left() {
    let doubles = Doubles::default();
    let (port, order) = (doubles.manager().lease("app/web", &any()).port, walk("app/web"));
    doubles.sockets.kernel().claimed_elsewhere.insert(port);
    let manager = doubles.manager();
    assert!(manager.claimed().is_empty());
    for lease in [manager.show(&key("app/web")).unwrap(), manager.list(None).unwrap().remove(0)] {
        assert_eq!((lease.state, lease.holder), (LeaseState::Taken, None));
    }

    for request in [GetRequest { strict: true, ..any() }, exactly(port)] {
        let error = manager.refused("app/web", &request);
        assert!(matches!(error, Error::Claimed { port: named } if named == port), "{error}");
    }
    let moved = manager.lease("app/web", &any());
    let because = "taken by another portlease daemon on this machine".to_owned();
    assert_eq!(moved.changed, Some(Change { from: port, to: order[1], because }));
    assert_eq!(manager.claimed(), [order[1]]);
}

#[test]
fn a_port_that_another_daemon_has_no_longer_is_claimed_again() {
    let doubles = Doubles::default();
    let port = doubles.manager().lease("app/web", &any()).port;
    doubles.sockets.kernel().claimed_elsewhere.insert(port);
    let manager = doubles.manager();
    doubles.sockets.kernel().claimed_elsewhere.clear();
    let lease = manager.lease("app/web", &any());
    assert_eq!((lease.port, lease.state), (port, LeaseState::Reserved));
    assert_eq!(manager.claimed(), [port]);
}

#[test]
fn a_running_app_keeps_its_port_whatever_became_of_the_claim() {
    let doubles = Doubles::default();
    let port = doubles.manager().lease("app/web", &any()).port;
    doubles.sockets.kernel().claimed_elsewhere.insert(port);
    let manager = doubles.manager();
    doubles.app(port, "/code");
    let lease = manager.lease("app/web", &any());
    assert_eq!((lease.port, lease.state), (port, LeaseState::Bound));
}

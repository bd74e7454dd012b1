//! A request that wants a lease otherwise than it is, and `reset`, which
//! makes it so.

use portlease_proto::{Change, LeaseState, PortRange, Protocol};

use super::*;

#[test]
fn a_request_that_contradicts_the_lease_changes_nothing() {
    let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let lease = manager.lease("app/web", &from_root(&root));
    let commits = doubles.store.commits();
    let port = lease.port;
    for (request, how) in [
        (exactly(Port::constant(3000)), "port 3000 was asked for".to_owned()),
        (
            GetRequest { range: Some(PortRange::constant(3000, 3009)), ..any() },
            "a port in 3000-3009 was asked for".to_owned(),
        ),
        (GetRequest { protocol: Some(Protocol::Udp), ..any() }, "its protocol is both, not udp".to_owned()),
        (from_root(&other), format!("its root is {}, not {}", path(&root), path(&other))),
    ] {
        // Labels that come along are not noted either.
        let labels = Some([("a".to_owned(), "b".to_owned())].into());
        let error = manager.refused("app/web", &GetRequest { labels, ..request });
        assert_eq!(error.to_string(), format!("app/web has port {port} already, and {how}"));
        let Error::Differs { lease: shown, .. } = error else { panic!("{error:?}") };
        assert_eq!(*shown, lease);
        assert_eq!(doubles.store.commits(), commits, "{how}");
        assert_eq!(manager.claimed(), [port], "{how}");
    }
}

#[test]
fn a_request_that_says_what_the_lease_is_agrees() {
    let root = tempfile::tempdir().unwrap();
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let lease = manager.lease("app/web", &from_root(&root));
    let more = [lease.port, Port::constant(3000)];
    for request in [
        exactly(lease.port),
        GetRequest { range: Some(POOL), ..any() },
        GetRequest { protocol: Some(Protocol::Both), ..any() },
        prefer(&more),
        prefer(&more[1..]),
        from_root(&root),
        any(),
    ] {
        assert_eq!(manager.lease("app/web", &request), lease, "{request:?}");
    }
    assert_eq!(doubles.store.commits().len(), 1);
}

#[test]
fn reset_makes_it_so() {
    let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let wanted = Port::constant(3000);
    for (request, moves) in [
        (exactly(wanted), true),
        (GetRequest { range: Some(PortRange::constant(3000, 3000)), ..any() }, true),
        (prefer(&[wanted]), true),
        (GetRequest { protocol: Some(Protocol::Udp), ..any() }, false),
        (from_root(&other), false),
    ] {
        let doubles = Doubles::default();
        let manager = doubles.manager();
        let before = manager.lease("app/web", &from_root(&root));
        let granted = manager.granted("app/web", &GetRequest { reset: true, ..request.clone() });
        let lease = granted.lease;
        assert!(!granted.created, "{request:?}");
        assert_eq!(lease.id, before.id, "{request:?}");
        let because = "asked to choose anew".to_owned();
        let change = Change { from: before.port, to: wanted, because };
        assert_eq!(lease.changed, moves.then_some(change), "{request:?}");
        assert_eq!(lease.port, if moves { wanted } else { before.port }, "{request:?}");
        assert_eq!(lease.protocol, request.protocol.unwrap_or_default(), "{request:?}");
        assert_eq!(lease.root, Some(request.root.unwrap_or_else(|| path(&root))));
        assert_eq!(manager.claimed(), [lease.port]);
        assert_eq!(doubles.store.commits().len(), 2);
        assert_eq!(doubles.manager().lease("app/web", &any()).port, lease.port);
    }
}

#[test]
fn a_reset_that_ends_at_the_same_port_changes_nothing() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let before = manager.lease("app/web", &any());
    for request in [any(), exactly(before.port), prefer(&[before.port])] {
        let lease = manager.lease("app/web", &GetRequest { reset: true, ..request });
        assert_eq!(lease, before);
    }
    // Its own app does not drive it away.
    doubles.app(before.port, "/code");
    let lease = manager.lease("app/web", &GetRequest { reset: true, ..any() });
    assert_eq!((lease.port, lease.state, lease.changed), (before.port, LeaseState::Bound, None));
    assert_eq!(doubles.store.commits().len(), 1);
    assert_eq!(manager.claimed(), [before.port]);
}

#[test]
fn a_reset_to_the_directory_that_its_app_runs_in_keeps_the_port() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let inside_new = tempfile::tempdir_in(new.path()).unwrap();
    // The root that it had is no other lease's root.
    for old in [old, inside_new] {
        let doubles = Doubles::default();
        let manager = doubles.manager();
        let before = manager.lease("app/web", &from_root(&old));
        let cwd = if path(&old).starts_with(&path(&new)) { path(&old) } else { path(&new) };
        doubles.app(before.port, &cwd);
        let lease = manager.lease("app/web", &GetRequest { reset: true, ..from_root(&new) });
        assert_eq!((lease.port, lease.state), (before.port, LeaseState::Bound), "{cwd}");
        assert_eq!(lease.root, Some(path(&new)));
    }
}

#[test]
fn a_reset_leaves_a_stranger() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let before = manager.lease("app/web", &any());
    doubles.stranger(before.port);
    let error = manager.refused("app/web", &GetRequest { reset: true, ..exactly(before.port) });
    assert!(matches!(&error, Error::InUse { holder, .. } if holder.pid == Some(101)), "{error:?}");
    let lease = manager.lease("app/web", &GetRequest { reset: true, ..any() });
    assert_ne!(lease.port, before.port);
}

#[test]
fn a_reset_to_a_port_that_is_not_to_be_had_changes_nothing() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let before = manager.lease("app/web", &any());
    let wanted = Port::constant(3000);
    doubles.stranger(wanted);
    let error = manager.refused("app/web", &GetRequest { reset: true, ..exactly(wanted) });
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    assert_eq!(manager.lease("app/web", &any()), before);
    assert_eq!(manager.claimed(), [before.port]);
    assert_eq!(doubles.store.commits().len(), 1);
}

#[test]
fn a_reset_that_covers_more_sees_who_is_there() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let tcp = GetRequest { protocol: Some(Protocol::Tcp), ..any() };
    let before = manager.lease("app/web", &tcp);
    doubles.serve(Transport::Udp, before.port, crate::doubles::OTHER_UID, "/srv");
    assert_eq!(manager.lease("app/web", &GetRequest { reset: true, ..tcp }), before);
    let both = GetRequest { protocol: Some(Protocol::Both), reset: true, ..any() };
    assert_ne!(manager.lease("app/web", &both).port, before.port);
}

//! Which port a new lease gets, and why another one is refused.

use std::time::Duration;

use portlease_proto::{PortRange, Protocol, SkipReason};

use super::*;
use crate::{allocator::Exclusion, doubles::OTHER_UID, sockets::SocketState};

/// Outside the pool, on no list.
const WANTED: Port = Port::constant(3000);

#[test]
fn an_exact_port_is_that_one_or_none() {
    type Setup = fn(&Doubles, &Manager);
    type Expected = fn(&Error) -> bool;
    let table: [(&str, Setup, Expected); 7] = [
        (
            "in use",
            |doubles, _| _ = doubles.stranger(WANTED),
            |error| {
                matches!(error, Error::InUse { port: WANTED, holder }
                    if holder.to_string() == "server-101 (pid 101, user eve, in /srv)")
            },
        ),
        (
            "in use by one that cannot be read",
            |doubles, _| doubles.sockets.listen(Transport::Udp, WANTED, OTHER_UID, 7),
            |error| {
                matches!(error, Error::InUse { holder, .. }
                    if holder.user.as_deref() == Some("eve") && holder.pid.is_none())
            },
        ),
        (
            "leased",
            |_, manager| _ = manager.granted("other/web", &exactly(WANTED)),
            |error| {
                matches!(error, Error::Leased { port: WANTED, lease }
                    if lease.project.as_str() == "other" && lease.port == WANTED)
            },
        ),
        (
            "claimed",
            |doubles, _| _ = doubles.sockets.kernel().claimed_elsewhere.insert(WANTED),
            |error| matches!(error, Error::Claimed { port: WANTED }),
        ),
        (
            "cooling",
            |_, manager| {
                manager.granted("other/web", &exactly(WANTED));
                manager.release(&key("other/web").project, None).unwrap();
            },
            |error| matches!(error, Error::Cooling { port: WANTED, project } if project.as_str() == "other"),
        ),
        (
            "excluded",
            |_, manager| manager.set_api_ports(vec![WANTED]),
            |error| matches!(error, Error::Excluded { port: WANTED, why: Exclusion::Api }),
        ),
        (
            "privileged",
            |doubles, _| _ = doubles.sockets.kernel().privileged.insert(WANTED),
            |error| matches!(error, Error::Privileged { port: WANTED }),
        ),
    ];
    for (name, setup, expected) in table {
        let doubles = Doubles::default();
        let manager = doubles.manager();
        setup(&doubles, &manager);
        let (saved, claimed) = (doubles.store.saved(), manager.claimed());
        let error = manager.refused("app/web", &exactly(WANTED));
        assert!(expected(&error), "{name}: {error:?}");
        assert_eq!(doubles.store.saved(), saved, "{name}");
        assert_eq!(manager.claimed(), claimed, "{name}");
        // The same port preferred is passed over.
        let lease = manager.lease("app/web", &prefer(&[WANTED]));
        assert_eq!(lease.port, walk("app/web")[0], "{name}");
    }

    let manager = Doubles::default().manager();
    let granted = manager.granted("app/web", &exactly(WANTED));
    assert!(granted.created && granted.lease.port == WANTED);
}

#[test]
fn force_gives_an_excluded_port_and_nothing_else() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let unsafe_in_browsers = Port::constant(6000);
    let forced = |port| GetRequest { force: true, ..exactly(port) };
    let error = manager.refused("app/web", &exactly(unsafe_in_browsers));
    assert!(matches!(error, Error::Excluded { why: Exclusion::Browsers, .. }), "{error}");
    assert_eq!(manager.lease("app/web", &forced(unsafe_in_browsers)).port, unsafe_in_browsers);

    let error = manager.refused("other/web", &forced(unsafe_in_browsers));
    assert!(matches!(error, Error::Leased { .. }), "{error}");
    doubles.stranger(WANTED);
    let error = manager.refused("other/web", &forced(WANTED));
    assert!(matches!(error, Error::InUse { .. }), "{error}");
}

#[test]
fn what_the_kernel_excludes_is_read_anew_each_second() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    manager.lease("first/web", &any());
    doubles.sockets.kernel().ranges.reserved = vec![PortRange::constant(3000, 3000)];
    doubles.clock.advance(Duration::from_secs(1));
    let error = manager.refused("app/web", &exactly(WANTED));
    assert!(matches!(error, Error::Excluded { why: Exclusion::Reserved, .. }), "{error}");
}

#[test]
fn the_holder_that_is_named_is_in_the_way() {
    use SocketState::{Connected, Listening};
    use Transport::{Tcp, Udp};
    // What is on the port, and whether its process can be read.
    for (sockets, named) in [
        ([(Udp, Listening, true), (Tcp, Listening, false)], 1),
        ([(Tcp, Connected, true), (Tcp, Listening, false)], 1),
        ([(Udp, Listening, true), (Tcp, Connected, true)], 1),
        ([(Tcp, Listening, false), (Tcp, Listening, true)], 1),
        ([(Tcp, Listening, true), (Tcp, Listening, true)], 0),
    ] {
        let doubles = Doubles::default();
        let pids = sockets.map(|(transport, state, readable)| {
            let open = doubles.processes.start(OTHER_UID, "/srv");
            doubles.sockets.add(transport, WANTED, state, OTHER_UID, open.inode);
            if !readable {
                doubles.processes.close(open);
            }
            readable.then_some(open.pid)
        });
        let request = GetRequest { protocol: Some(Protocol::Tcp), ..exactly(WANTED) };
        let error = doubles.manager().refused("app/web", &request);
        let Error::InUse { holder, .. } = &error else { panic!("{error:?}") };
        assert_eq!(holder.pid, pids[named], "{sockets:?}");
        assert_eq!(holder.user.as_deref(), Some("eve"), "{sockets:?}");
    }
}

#[test]
fn preferred_ports_are_tried_in_order_and_then_the_pool() {
    let [a, b] = [3000, 3001].map(Port::constant);
    for (occupied, expected) in [(vec![], a), (vec![a], b), (vec![b], a), (vec![a, b], walk("app/web")[0])] {
        let doubles = Doubles::default();
        for port in &occupied {
            doubles.stranger(*port);
        }
        assert_eq!(doubles.manager().lease("app/web", &prefer(&[a, b])).port, expected, "{occupied:?}");
        // Nobody asked who is there, so nobody looked.
        assert_eq!(doubles.processes.running().finds, 0);
    }
}

#[test]
fn a_range_takes_the_place_of_the_pool() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let within = |first, last| GetRequest { range: Some(PortRange::constant(first, last)), ..any() };
    let outside_the_pool = manager.lease("app/a", &within(3000, 3001)).port;
    let second = manager.lease("app/b", &within(3000, 3001)).port;
    let mut both = [outside_the_pool.get(), second.get()];
    both.sort_unstable();
    assert_eq!(both, [3000, 3001]);
    let error = manager.refused("app/c", &within(3000, 3001));
    assert_eq!(error.to_string(), "no port is free in 3000-3001");
    // 20167 is IANA's, 20166 is occupied.
    doubles.stranger(Port::constant(20166));
    assert_eq!(manager.lease("app/d", &within(20166, 20168)).port, Port::constant(20168));
}

#[test]
fn a_full_pool_is_exhausted() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    for (i, port) in POOL.ports().enumerate() {
        match i % 3 {
            0 => _ = doubles.stranger(port),
            1 => _ = manager.lease(&format!("p{i}/web"), &exactly(port)),
            _ => _ = doubles.sockets.kernel().claimed_elsewhere.insert(port),
        }
    }
    let (saved, claimed) = (doubles.store.saved(), manager.claimed());
    let error = manager.refused("app/web", &any());
    assert!(
        matches!(&error, Error::Exhausted { count: 1, ranges, explain: None } if *ranges == [POOL]),
        "{error:?}"
    );
    assert_eq!((doubles.store.saved(), manager.claimed()), (saved, claimed));
    // Others do not suffer from it.
    assert_eq!(manager.lease("app/web", &exactly(WANTED)).port, WANTED);
}

#[test]
fn the_pool_gives_no_port_with_leftovers_and_an_exact_one_is_given() {
    let doubles = Doubles::default();
    let (manager, order) = (doubles.manager(), walk("app/web"));
    doubles.sockets.leave(order[0]);
    doubles.sockets.leave(WANTED);
    assert_eq!(manager.lease("app/web", &any()).port, order[1]);
    assert_eq!(manager.lease("app/exact", &exactly(WANTED)).port, WANTED);
    assert_eq!(manager.lease("app/preferring", &prefer(&[order[0]])).port, order[0]);
}

#[test]
fn a_connection_that_a_process_has_open_is_no_leftover() {
    let doubles = Doubles::default();
    let open = doubles.processes.start(OTHER_UID, "/srv");
    doubles.sockets.add(Transport::Tcp, WANTED, SocketState::Connected, OTHER_UID, open.inode);
    let error = doubles.manager().refused("app/web", &exactly(WANTED));
    assert!(matches!(&error, Error::InUse { holder, .. } if holder.pid == Some(open.pid)), "{error:?}");
}

#[test]
fn leftovers_beside_a_socket_of_the_other_protocol_are_only_leftovers() {
    let doubles = Doubles::default();
    doubles.sockets.leave(WANTED);
    doubles.serve(Transport::Udp, WANTED, OTHER_UID, "/srv");
    let request = GetRequest { protocol: Some(Protocol::Tcp), ..exactly(WANTED) };
    assert_eq!(doubles.manager().lease("app/web", &request).port, WANTED);
}

#[test]
fn leftovers_that_no_server_can_bind_over_are_not_blamed_on_anybody() {
    let doubles = Doubles::default();
    doubles.sockets.leave(WANTED);
    doubles.sockets.kernel().stubborn.insert(WANTED);
    let error = doubles.manager().refused("app/web", &exactly(WANTED));
    assert!(matches!(error, Error::Leftovers { port: WANTED }), "{error:?}");
}

#[test]
fn a_project_gets_its_released_port_back_in_spite_of_leftovers() {
    for stubborn in [false, true] {
        let doubles = Doubles::default();
        let manager = doubles.manager();
        let port = manager.lease("app/web", &any()).port;
        manager.release(&key("app/web").project, None).unwrap();
        doubles.sockets.leave(port);
        if stubborn {
            doubles.sockets.kernel().stubborn.insert(port);
        }
        assert_eq!(manager.lease("app/web", &any()).port, port, "stubborn: {stubborn}");
    }
}

#[test]
fn a_protocol_is_asked_for_where_it_matters() {
    for (protocol, given) in [(Protocol::Tcp, true), (Protocol::Udp, false), (Protocol::Both, false)] {
        let doubles = Doubles::default();
        doubles.serve(Transport::Udp, WANTED, OTHER_UID, "/srv");
        let request = GetRequest { protocol: Some(protocol), ..exactly(WANTED) };
        assert_eq!(doubles.manager().get(&key("app/web"), &request).is_ok(), given, "{protocol}");
    }
}

#[test]
fn an_exhausted_pool_is_explained_too() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    POOL.ports().for_each(|port| doubles.sockets.leave(port));
    let request = GetRequest { explain: true, ..any() };
    let error = manager.refused("app/web", &request);
    let Error::Exhausted { explain: Some(explain), .. } = error else { panic!("{error:?}") };
    assert_eq!(explain.start, walk("app/web").first().copied());
    assert_eq!(explain.skipped_count as usize, POOL.ports().count());
    assert!(explain.skipped.iter().any(|skipped| skipped.detail == "closed connections block it"));
}

#[test]
fn a_lease_in_the_way_is_shown_as_it_is() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let port = manager.lease("app/web", &any()).port;
    let app = doubles.app(port, "/code");
    let error = manager.refused("other/web", &exactly(port));
    let Error::Leased { lease, .. } = error else { panic!("{error:?}") };
    assert_eq!(lease.holder.and_then(|holder| holder.pid), Some(app.pid));
    assert_eq!(lease.state, portlease_proto::LeaseState::Bound);
}

#[test]
fn explain_lists_what_was_skipped_in_order() {
    let doubles = Doubles::default();
    let (manager, order) = (doubles.manager(), walk("app/web"));
    let excluded = Port::constant(6000);
    manager.lease("other/leased", &exactly(order[0]));
    manager.lease("gone/web", &exactly(order[1]));
    manager.release(&key("gone/web").project, None).unwrap();
    doubles.sockets.kernel().claimed_elsewhere.insert(order[2]);
    doubles.stranger(order[3]);
    doubles.sockets.kernel().privileged.insert(order[4]);
    let request = GetRequest { explain: true, ..prefer(&[excluded]) };

    // The holder of the occupied port is to be named, which takes a walk.
    assert_eq!(manager.try_get(&key("app/web"), &request).unwrap(), None);
    let lease = manager.lease("app/web", &request);
    assert_eq!(lease.port, order[5]);
    let explain = lease.explain.unwrap();
    assert_eq!(explain.start, Some(order[0]));
    let skipped: Vec<_> = explain.skipped.iter().map(|s| (s.port, s.reason, s.detail.as_str())).collect();
    let expected = [
        (excluded, SkipReason::Excluded, "browsers refuse to open it (ERR_UNSAFE_PORT)"),
        (order[0], SkipReason::Leased, "other/leased has it"),
        (order[1], SkipReason::Cooling, "gone released it less than a minute ago"),
        (order[2], SkipReason::Claimed, "another portlease daemon on this machine has it"),
        (order[3], SkipReason::InUse, "taken by server-101 (pid 101, user eve, in /srv)"),
        (order[4], SkipReason::Privileged, "only root may bind it"),
    ];
    assert_eq!(skipped, expected);
    assert_eq!(explain.skipped_count, 6);
}

#[test]
fn explain_has_no_start_when_the_pool_was_not_walked() {
    let manager = Doubles::default().manager();
    let request = GetRequest { explain: true, ..prefer(&[WANTED]) };
    assert_eq!(manager.lease("app/web", &request).explain.unwrap().start, None);
    assert_eq!(manager.lease("app/db", &any()).explain, None);
}

#[test]
fn explain_names_a_few_holders_and_counts_the_rest() {
    let doubles = Doubles::default();
    let order = walk("app/web");
    for port in &order[..9] {
        doubles.stranger(*port);
    }
    let lease = doubles.manager().lease("app/web", &GetRequest { explain: true, ..any() });
    let skipped = lease.explain.unwrap().skipped;
    let named = skipped.iter().filter(|skipped| skipped.detail.contains("server-")).count();
    assert_eq!((skipped.len(), named), (9, 8));
    assert_eq!(doubles.processes.running().finds, 8);
}

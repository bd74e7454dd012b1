//! Several leases by one request: all or none, in a row or not, anonymous or
//! not, held or not.

use portlease_proto::{AnonymousRequest, BatchRequest, LeaseState, ProjectName, Protocol, Ttl};

use super::*;
use crate::doubles::OUR_UID;

fn batch(services: &[(&str, GetRequest)]) -> BatchRequest {
    let services = services.iter().map(|(name, request)| (name.parse().unwrap(), request.clone())).collect();
    BatchRequest { services, ..BatchRequest::default() }
}

fn row(names: &[&str]) -> BatchRequest {
    let services: Vec<_> = names.iter().map(|name| (*name, any())).collect();
    BatchRequest { contiguous: true, ..batch(&services) }
}

fn app() -> ProjectName {
    "app".parse().unwrap()
}

fn ports(granted: &[Granted]) -> Vec<u16> {
    granted.iter().map(|granted| granted.lease.port.get()).collect()
}

fn names(granted: &[Granted]) -> Vec<&str> {
    granted.iter().map(|granted| granted.lease.service.as_str()).collect()
}

fn is_a_row(ports: &[u16]) -> bool {
    ports.windows(2).all(|pair| pair[0] + 1 == pair[1])
}

#[test]
fn a_batch_is_one_commit_and_the_same_again() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let request = batch(&[("web", any()), ("api", exactly(Port::constant(20105))), ("db", any())]);
    let granted = manager.get_all(&app(), &request).unwrap();
    assert_eq!(names(&granted), ["api", "db", "web"]);
    assert_eq!(granted[0].lease.port.get(), 20105);
    assert!(granted.iter().all(|granted| granted.created));
    assert_eq!(doubles.store.commits().len(), 1);
    let again = manager.get_all(&app(), &request).unwrap();
    assert_eq!(ports(&again), ports(&granted));
    assert!(again.iter().all(|granted| !granted.created));
    assert_eq!(doubles.store.commits().len(), 1, "a look-up writes nothing");
    // Alone, each would have got the same port.
    assert_eq!(manager.lease("other/web", &any()).port, walk("other/web")[0]);
}

#[test]
fn a_batch_that_fails_leaves_nothing_behind() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let busy = Port::constant(20103);
    doubles.stranger(busy);
    for request in [
        batch(&[("a", any()), ("b", any()), ("z", exactly(busy))]),
        batch(&[("a", any()), ("b", GetRequest { range: "20103-20103".parse().ok(), ..any() })]),
        row(&["a", "b", "c", "d", "e", "f", "g", "h"]),
    ] {
        manager.get_all(&app(), &request).unwrap_err();
        assert!(manager.is_empty() && manager.claimed().is_empty(), "{request:?}");
    }
    doubles.store.fail_after(0);
    let failed = manager.get_all(&app(), &batch(&[("a", any()), ("b", any())]));
    assert!(matches!(failed, Err(Error::Store(_))));
    assert!(manager.is_empty() && manager.claimed().is_empty());
}

#[test]
fn services_of_a_batch_never_share_a_port() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let wish = Port::constant(20104);
    let request = batch(&[("a", prefer(&[wish])), ("b", prefer(&[wish])), ("c", exactly(wish))]);
    let granted = manager.get_all(&app(), &request).unwrap();
    let mut got = ports(&granted);
    assert_eq!(got[2], wish.get(), "who asks for exactly this one is served first");
    got.sort_unstable();
    got.dedup();
    assert_eq!(got.len(), 3);
    assert_eq!(manager.len(), 3);
}

#[test]
fn a_batch_counts_against_the_limit_of_its_project() {
    let doubles = Doubles::default();
    let manager = doubles.manager_with(Settings {
        pool: Pool::from(POOL),
        leases_per_project: 2,
        ..Settings::default()
    });
    for request in [batch(&[("a", any()), ("b", any()), ("c", any())]), row(&["a", "b", "c"])] {
        let error = manager.get_all(&app(), &request).unwrap_err();
        assert!(matches!(error, Error::TooManyLeases { most: 2, .. }), "{error:?}");
        assert!(manager.is_empty() && manager.claimed().is_empty());
    }
}

#[test]
fn a_row_is_a_row_and_stays_one() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let granted = manager.get_all(&app(), &row(&["a", "b", "c"])).unwrap();
    assert!(is_a_row(&ports(&granted)), "{:?}", ports(&granted));
    assert_eq!(ports(&manager.get_all(&app(), &row(&["a", "b", "c"])).unwrap()), ports(&granted));
}

#[test]
fn a_row_steps_over_what_is_in_its_way() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    // Only 20105 to 20108 are left in a row of four.
    doubles.stranger(Port::constant(20104));
    doubles.stranger(Port::constant(20109));
    doubles.stranger(Port::constant(20101));
    let request = BatchRequest { contiguous: true, ..batch(&[("a", any()), ("b", any()), ("c", any())]) };
    let mut with_explain = request.clone();
    with_explain.services.values_mut().for_each(|request| request.explain = true);
    let granted = manager.get_all(&app(), &row(&["a", "b", "c", "d"])).unwrap();
    assert_eq!(ports(&granted), [20105, 20106, 20107, 20108]);
    let claimed: Vec<u16> = manager.claimed().iter().map(|port| port.get()).collect();
    assert_eq!(claimed, ports(&granted), "what did not fit is given back");
    let error = manager.get_all(&"other".parse().unwrap(), &with_explain).unwrap_err();
    let Error::Exhausted { count: 3, explain: Some(explain), .. } = &error else { panic!("{error:?}") };
    assert!(explain.skipped_count > 0);
    assert_eq!(error.to_string(), "no 3 ports in a row are free in 20100-20109");
}

#[test]
fn a_row_is_completed_where_it_is_or_not_at_all() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    manager.lease("app/a", &exactly(Port::constant(20102)));
    let granted = manager.get_all(&app(), &row(&["a", "b"])).unwrap();
    assert_eq!(ports(&granted), [20102, 20103]);
    assert_eq!([granted[0].created, granted[1].created], [false, true]);

    doubles.stranger(Port::constant(20104));
    let error = manager.get_all(&app(), &row(&["a", "b", "c"])).unwrap_err();
    assert!(
        error.to_string().contains("app/c would need 20104, and port 20104 is taken by server-"),
        "{error}"
    );
    let Error::NotContiguous { by: Some(by), .. } = error else { panic!("{error:?}") };
    assert!(matches!(*by, Error::InUse { .. }), "{by:?}");
    assert_eq!(manager.len(), 2, "what is there stays");
    manager.lease("app/c", &exactly(Port::constant(20109)));
    let error = manager.get_all(&app(), &row(&["a", "b", "c"])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the ports of app cannot follow one another: app/a has 20102 and app/c has 20109"
    );

    let mut anew = row(&["a", "b", "c"]);
    anew.services.values_mut().for_each(|request| request.reset = true);
    let granted = manager.get_all(&app(), &anew).unwrap();
    assert!(is_a_row(&ports(&granted)), "{:?}", ports(&granted));
    assert_eq!(manager.claimed().len(), 3);
}

#[test]
fn a_row_that_grows_keeps_its_ports_and_one_that_shrinks_loses_nothing() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let begin = Port::constant(20102);
    let mut three = row(&["w", "w-2", "w-10"]);
    three.services.get_mut(&"w".parse().unwrap()).unwrap().prefer = vec![begin];
    let granted = manager.get_all(&app(), &three).unwrap();
    assert_eq!(names(&granted), ["w", "w-2", "w-10"], "numbers count by their value");
    assert_eq!(ports(&granted), [20102, 20103, 20104]);
    let five = manager.get_all(&app(), &row(&["w", "w-2", "w-10", "w-11", "w-12"])).unwrap();
    assert_eq!(ports(&five), [20102, 20103, 20104, 20105, 20106]);
    assert_eq!(manager.claimed().len(), 5, "one claim each");
    let again = manager.get_all(&app(), &three).unwrap();
    assert_eq!((ports(&again), manager.len()), (vec![20102, 20103, 20104], 5));

    let other = manager.lease("other/web", &exactly(Port::constant(20107)));
    let six = row(&["w", "w-2", "w-10", "w-11", "w-12", "w-13"]);
    let error = manager.get_all(&app(), &six).unwrap_err();
    let Error::NotContiguous { by: Some(by), .. } = &error else { panic!("{error:?}") };
    let Error::Leased { lease, .. } = &**by else { panic!("{by:?}") };
    assert_eq!(lease.id, other.id);
    assert_eq!(manager.claimed().len(), 6);
}

#[test]
fn a_row_is_not_moved_from_under_its_own_app() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let before = manager.get_all(&app(), &row(&["a", "b"])).unwrap();
    let running = doubles.serve(Transport::Tcp, before[1].lease.port, OUR_UID, "/");
    let mut anew = row(&["a", "b", "c"]);
    anew.services.get_mut(&"a".parse().unwrap()).unwrap().reset = true;
    let error = manager.get_all(&app(), &anew).unwrap_err();
    assert!(matches!(&error, Error::Running { port, .. } if *port == before[1].lease.port), "{error:?}");
    assert_eq!(ports(&manager.get_all(&app(), &row(&["a", "b"])).unwrap()), ports(&before));
    doubles.processes.close(running);
    doubles.sockets.clear(before[1].lease.port);
    assert!(is_a_row(&ports(&manager.get_all(&app(), &anew).unwrap())));
}

#[test]
fn a_row_moves_as_one_unless_an_app_runs_on_it() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let before = manager.get_all(&app(), &row(&["a", "b"])).unwrap();
    doubles.stranger(before[1].lease.port);
    let running = doubles.serve(Transport::Tcp, before[0].lease.port, OUR_UID, "/");
    let error = manager.get_all(&app(), &row(&["a", "b"])).unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error:?}");

    doubles.processes.close(running);
    doubles.sockets.clear(before[0].lease.port);
    let moved = manager.get_all(&app(), &row(&["a", "b"])).unwrap();
    assert!(is_a_row(&ports(&moved)));
    assert!(moved.iter().all(|granted| granted.lease.changed.is_some()), "{moved:?}");
    assert!(!ports(&moved).contains(&before[1].lease.port.get()));
    assert_eq!(manager.claimed().len(), 2);
}

fn anonymous(count: u32) -> AnonymousRequest {
    AnonymousRequest {
        count: std::num::NonZeroU32::new(count),
        ttl_s: Ttl::from_seconds(60).ok(),
        ..AnonymousRequest::default()
    }
}

#[test]
fn anonymous_leases_live_under_their_ids() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let granted = manager.get_anonymous(&anonymous(3)).unwrap();
    for Granted { lease, .. } in &granted {
        assert!(lease.project.is_anonymous());
        assert_eq!(lease.service.as_str(), lease.id);
        assert!(lease.expires_at.is_some());
        let key = LeaseKey { project: lease.project.clone(), service: lease.service.clone() };
        assert_eq!(manager.show(&key).unwrap().port, lease.port);
    }
    assert!(matches!(manager.refused("-/web", &any()), Error::Anonymous));
    assert!(matches!(manager.get_all(&ProjectName::anonymous(), &row(&["a"])), Err(Error::Anonymous)));
    manager.release(&ProjectName::anonymous(), None).unwrap();
    assert!(manager.is_empty());
}

#[test]
fn anonymous_leases_leave_a_part_of_the_pool() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let error = manager.get_anonymous(&anonymous(10)).unwrap_err();
    assert!(matches!(error, Error::TooManyAnonymous { most: 9 }), "{error:?}");
    manager.get_anonymous(&anonymous(9)).unwrap();
    assert!(matches!(manager.get_anonymous(&anonymous(1)), Err(Error::TooManyAnonymous { .. })));
    manager.lease("app/web", &any());
}

#[test]
fn a_port_that_a_test_just_left_is_given_to_the_next_one_only_when_clean() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let one = AnonymousRequest { range: "20105-20105".parse().ok(), ..anonymous(1) };
    manager.get_anonymous(&one).unwrap();
    manager.release(&ProjectName::anonymous(), None).unwrap();
    manager.get_anonymous(&one).unwrap();
    manager.release(&ProjectName::anonymous(), None).unwrap();
    doubles.sockets.leave(Port::constant(20105));
    assert!(matches!(manager.get_anonymous(&one), Err(Error::Exhausted { .. })));
}

#[test]
fn a_hold_is_taken_and_goes_with_the_lease() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let held = GetRequest { hold: Some(true), protocol: Some(Protocol::Tcp), ..any() };
    let lease = manager.lease("app/web", &held);
    assert!(lease.hold);
    assert_eq!(doubles.sockets.kernel().asked.hold, 1);
    assert!(manager.lease("app/web", &any()).hold, "it is not asked about");
    assert_eq!(doubles.sockets.kernel().asked.hold, 1, "it is held already");
    let without = manager.lease("app/web", &GetRequest { hold: Some(false), ..any() });
    assert!(!without.hold);
    manager.lease("app/web", &held);
    assert_eq!(doubles.sockets.kernel().asked.hold, 2);
    assert_eq!(manager.lease("app/web", &held).state, LeaseState::Reserved);
    drop(manager);
    let _again = doubles.manager();
    assert_eq!(doubles.sockets.kernel().asked.hold, 3, "a restarted daemon holds it again");
}

#[test]
fn a_hold_that_could_not_be_saved_is_not_taken() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    manager.lease("app/web", &any());
    doubles.store.fail_after(0);
    let held = GetRequest { hold: Some(true), ..any() };
    assert!(matches!(manager.refused("app/web", &held), Error::Store(_)));
    assert_eq!(doubles.sockets.kernel().asked.hold, 0);
}

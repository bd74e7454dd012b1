//! Leases that end by themselves, and how they are kept from it.

use std::time::Duration;

use portlease_proto::{LeaseState, RenewRequest, Ttl};

use super::*;
use crate::{doubles::OTHER_UID, events::After};

fn ttl(seconds: u64) -> Option<Ttl> {
    Some(Ttl::from_seconds(seconds).unwrap())
}

fn for_a_time(seconds: u64) -> GetRequest {
    GetRequest { ttl_s: ttl(seconds), ..any() }
}

fn owned(pid: u32) -> GetRequest {
    GetRequest { owner_pid: std::num::NonZeroU32::new(pid), ..any() }
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What happened since the daemon started.
fn told(doubles: &Doubles) -> Vec<String> {
    match doubles.events.after(1_000_000_000, 1000) {
        After::Events(events) => {
            events.iter().map(|(_, event)| format!("{} {}", event.event, event.service)).collect()
        }
        After::Gap => panic!("the history is too short"),
    }
}

#[test]
fn a_lease_ends_when_its_term_is_over_and_not_before() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let lease = manager.lease("app/web", &for_a_time(60));
    manager.lease("app/db", &any());
    assert!(lease.expires_at.is_some());
    doubles.clock.advance(seconds(59));
    assert_eq!(manager.expire().unwrap(), Some(seconds(1)));
    assert_eq!(manager.len(), 2);
    doubles.clock.advance(seconds(1));
    assert_eq!(manager.expire().unwrap(), None);
    assert_eq!(manager.list(None).unwrap().len(), 1);
    assert_eq!(told(&doubles), ["lease.granted web", "lease.granted db", "lease.expired web"]);
    assert!(!manager.claimed().contains(&lease.port));
    assert_eq!(doubles.store.saved().len(), 1);
}

#[test]
fn nothing_is_found_of_a_lease_that_is_over() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let first = manager.lease("app/web", &for_a_time(60));
    doubles.clock.advance(seconds(60));
    assert!(matches!(manager.show(&key("app/web")), Err(Error::NoSuchLease { .. })));
    let again = manager.granted("app/web", &for_a_time(60));
    assert!(again.created);
    assert_eq!(again.lease.port, first.port, "its own port cools for others alone");
    assert_ne!(again.lease.id, first.id);
}

#[test]
fn clocks_that_jump_and_machines_that_sleep_end_nothing() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    manager.lease("app/web", &for_a_time(60));
    let start = doubles.clock.now_wall();
    for years in [10, 0] {
        doubles.clock.set(start + seconds(years * 365 * 86_400));
        assert_eq!(manager.expire().unwrap(), Some(seconds(60)));
        doubles.clock.set(start - seconds(years * 365 * 86_400));
        assert_eq!(manager.expire().unwrap(), Some(seconds(60)));
    }
    doubles.clock.suspend(seconds(8 * 3600));
    assert_eq!(manager.expire().unwrap(), Some(seconds(60)));
    let lease = manager.show(&key("app/web")).unwrap();
    let ends = doubles.clock.now_wall() + seconds(60);
    assert_eq!(lease.expires_at, Some(crate::clock::rfc3339(ends)), "what is shown follows the clock");
}

#[test]
fn a_renewal_begins_the_term_anew() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let before = manager.lease("app/web", &for_a_time(60));
    doubles.clock.advance(seconds(50));
    let renewed = manager.renew(&key("app/web"), &RenewRequest::default()).unwrap();
    assert_eq!((&renewed.id, renewed.port), (&before.id, before.port));
    assert!(renewed.renewed_at > before.renewed_at && renewed.expires_at > before.expires_at);
    assert_eq!(manager.expire().unwrap(), Some(seconds(60)));
    manager.renew(&key("app/web"), &RenewRequest { ttl_s: ttl(5) }).unwrap();
    assert_eq!(manager.expire().unwrap(), Some(seconds(5)));
    assert_eq!(told(&doubles), ["lease.granted web", "lease.renewed web", "lease.renewed web"]);
}

#[test]
fn what_cannot_be_renewed() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let missing = manager.renew(&key("app/web"), &RenewRequest::default());
    assert!(matches!(missing, Err(Error::NoSuchLease { .. })));
    manager.lease("app/web", &any());
    let stays = manager.renew(&key("app/web"), &RenewRequest { ttl_s: ttl(5) });
    assert!(matches!(stays, Err(Error::Stays { .. })));
    let lease = manager.renew(&key("app/web"), &RenewRequest::default()).unwrap();
    assert_eq!(lease.expires_at, None);
}

#[test]
fn a_get_repeats_itself_and_renews_in_the_second_half() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let first = manager.lease("app/web", &for_a_time(60));
    doubles.clock.advance(seconds(30));
    assert_eq!(manager.lease("app/web", &for_a_time(60)), first);
    doubles.clock.advance(seconds(1));
    assert_eq!(manager.lease("app/web", &any()), first, "it does not say for how long");
    let renewed = manager.lease("app/web", &for_a_time(60));
    assert!(renewed.expires_at > first.expires_at);
    assert_eq!(manager.expire().unwrap(), Some(seconds(60)));
}

#[test]
fn another_life_is_a_contradiction_unless_reset() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    doubles.owners.begin(7);
    doubles.owners.begin(8);
    manager.lease("app/stays", &any());
    manager.lease("app/web", &GetRequest { ttl_s: ttl(60), ..owned(7) });
    for (name, request, how) in [
        ("app/stays", for_a_time(60), "stays until it is released"),
        ("app/stays", owned(7), "belongs to no process"),
        ("app/web", for_a_time(61), "its TTL is 60 s, not 61 s"),
        ("app/web", owned(8), "belongs to process 7, not 8"),
    ] {
        let error = manager.refused(name, &request);
        assert!(matches!(&error, Error::Differs { .. }), "{error:?}");
        assert!(error.to_string().contains(how), "{error}");
    }
    let reset = manager.lease("app/stays", &GetRequest { reset: true, ..owned(8) });
    assert_eq!(reset.owner_pid, Some(8));
    assert_eq!(told(&doubles), ["lease.granted stays", "lease.granted web", "lease.changed stays"]);
}

#[test]
fn a_lease_ends_with_its_owner() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    doubles.owners.begin(7);
    let web = manager.lease("app/web", &owned(7));
    manager.lease("app/db", &owned(7));
    assert_eq!(web.owner_pid, Some(7));
    assert_eq!(doubles.owners.watched(), [7], "once, for both");
    doubles.owners.end(7);
    manager.expire().unwrap();
    assert!(manager.is_empty() && manager.claimed().is_empty());
    assert_eq!(told(&doubles)[2..], ["lease.expired db", "lease.expired web"]);
}

#[test]
fn an_owner_is_watched_as_long_as_a_lease_has_it() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    doubles.owners.begin(7);
    manager.lease("app/web", &owned(7));
    manager.lease("app/db", &owned(7));
    manager.release(&key("app/web").project, Some(&key("app/web").service)).unwrap();
    assert_eq!(doubles.owners.watched(), [7]);
    manager.release(&key("app/db").project, None).unwrap();
    assert!(doubles.owners.watched().is_empty());
}

#[test]
fn who_cannot_own_a_lease() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    assert!(matches!(manager.refused("app/web", &owned(7)), Error::BadOwner { pid: 7, .. }));
    doubles.owners.begin(7);
    doubles.owners.use_up_files(true);
    assert!(matches!(manager.refused("app/web", &owned(7)), Error::TooManyFiles));
    assert!(manager.claimed().is_empty(), "its claim is given back");
    doubles.owners.use_up_files(false);
    doubles.store.fail_after(0);
    assert!(matches!(manager.refused("app/web", &owned(7)), Error::Store(_)));
    assert!(doubles.owners.watched().is_empty(), "nobody has it after all");
}

#[test]
fn a_restarted_daemon_goes_on_watching() {
    let doubles = Doubles::default();
    for pid in [7, 8] {
        doubles.owners.begin(pid);
    }
    let manager = doubles.manager();
    manager.lease("app/a", &owned(7));
    manager.lease("app/b", &owned(8));
    manager.lease("app/c", &for_a_time(60));
    drop(manager);
    doubles.clock.advance(seconds(20));
    // Ended while no daemon ran.
    doubles.owners.end(7);
    doubles.owners.use_up_files(true);
    let manager = doubles.manager();
    assert_eq!(manager.expire().unwrap(), Some(seconds(40)));
    assert_eq!(manager.len(), 3, "what cannot be told ends nothing");
    doubles.owners.use_up_files(false);
    manager.expire().unwrap();
    let left: Vec<String> = manager.list(None).unwrap().iter().map(|l| l.service.to_string()).collect();
    assert_eq!(left, ["b", "c"]);
    assert!(doubles.owners.watched().contains(&8));
}

#[test]
fn a_lease_that_cannot_be_ended_ends_later() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    doubles.owners.begin(7);
    manager.lease("app/web", &owned(7));
    doubles.owners.end(7);
    doubles.store.fail_after(0);
    assert!(matches!(manager.expire(), Err(Error::Store(_))));
    assert_eq!(manager.len(), 1);
    manager.expire().unwrap();
    assert!(manager.is_empty());
}

#[test]
fn a_moved_lease_keeps_its_life() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let lease = manager.lease("app/web", &for_a_time(60));
    doubles.serve(Transport::Tcp, lease.port, OTHER_UID, "/srv");
    let moved = manager.lease("app/web", &for_a_time(60));
    assert_ne!(moved.port, lease.port);
    assert_eq!(moved.expires_at, lease.expires_at);
    assert_eq!(told(&doubles), ["lease.granted web", "lease.moved web"]);
    let After::Events(events) = doubles.events.after(1_000_000_001, 1) else { panic!("a gap") };
    assert_eq!(events[0].1.changed, moved.changed);
}

#[test]
fn what_the_owner_runs_is_its_own_wherever_it_runs() {
    let (doubles, elsewhere) = (Doubles::default(), tempfile::tempdir().unwrap());
    let manager = doubles.manager();
    manager.lease("other/web", &from_root(&elsewhere));
    doubles.owners.begin(7);
    let port = manager.lease("app/web", &owned(7)).port;
    let server = doubles.app(port, &path(&elsewhere));
    let state = || manager.show(&key("app/web")).unwrap().state;
    assert_eq!(state(), LeaseState::Taken, "in the root of another project");
    doubles.processes.running().ancestors = vec![99, 7, 1];
    assert_eq!(state(), LeaseState::Bound, "under its owner");
    doubles.processes.running().ancestors.clear();
    assert_eq!(state(), LeaseState::Taken);
    doubles.processes.close(server);
}

#[test]
fn a_test_may_run_in_the_root_of_a_project() {
    let (doubles, root) = (Doubles::default(), tempfile::tempdir().unwrap());
    let manager = doubles.manager();
    manager.lease("app/web", &from_root(&root));
    let request = portlease_proto::AnonymousRequest { ttl_s: ttl(60), ..Default::default() };
    let lease = manager.get_anonymous(&request).unwrap().remove(0).lease;
    doubles.app(lease.port, &path(&root));
    let key = LeaseKey { project: lease.project, service: lease.service };
    assert_eq!(manager.show(&key).unwrap().state, LeaseState::Bound);
}

//! What port servers need of the manager: leases that live on after their
//! owner, the owner's command, and refusals that take no time.

use std::{num::NonZeroU32, time::Duration};

use portlease_proto::{AnonymousRequest, EventKind, LeaseOwner, Protocol, Ttl};

use super::*;
use crate::events::After;

const LABEL: (&str, &str) = ("via", "test");

fn of(pid: u32) -> AnonymousRequest {
    AnonymousRequest {
        owner_pid: NonZeroU32::new(pid),
        labels: Some([(LABEL.0.to_owned(), LABEL.1.to_owned())].into()),
        ..AnonymousRequest::default()
    }
}

fn after() -> Ttl {
    Ttl::constant(600)
}

fn begin(doubles: &Doubles) -> u32 {
    let pid = doubles.processes.start(crate::doubles::OUR_UID, "/home/ada").pid;
    doubles.owners.begin(pid);
    pid
}

fn outliving(manager: &Manager, pid: u32) -> Lease {
    let granted = manager.try_get_outliving(&of(pid), after()).unwrap().unwrap();
    granted.into_iter().next().unwrap().lease
}

#[test]
fn a_lease_that_outlives_its_owner_has_its_term_from_then_on() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let pid = begin(&doubles);
    let lease = outliving(&manager, pid);
    let command = Some(format!("server-{pid}"));
    assert_eq!(lease.owner, Some(LeaseOwner { pid: Some(pid), command: command.clone() }));
    assert_eq!((lease.owner_pid, lease.expires_at), (Some(pid), None));

    // However long its owner lives, and across a restart.
    doubles.clock.advance(Duration::from_secs(10_000));
    assert_eq!(manager.expire().unwrap(), None);
    drop(manager);
    let manager = doubles.manager();
    assert_eq!(manager.len(), 1);

    doubles.owners.end(pid);
    assert_eq!(manager.expire().unwrap(), Some(Duration::from_secs(600)));
    let left = manager.list(None).unwrap().remove(0);
    assert_eq!(left.owner, Some(LeaseOwner { pid: None, command }));
    assert_eq!((left.owner_pid, left.port), (None, lease.port));
    assert!(left.expires_at.is_some());
    assert!(doubles.owners.watched().is_empty());
    assert!(manager.claimed().contains(&lease.port));

    doubles.clock.advance(Duration::from_secs(599));
    assert_eq!(manager.expire().unwrap(), Some(Duration::from_secs(1)));
    doubles.clock.advance(Duration::from_secs(1));
    manager.expire().unwrap();
    assert!(manager.is_empty() && manager.claimed().is_empty());
}

#[test]
fn events_tell_whose_lease_it_was() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let pid = begin(&doubles);
    manager.try_get_anonymous(&of(pid)).unwrap().unwrap();
    doubles.processes.running().processes.clear();
    doubles.owners.end(pid);
    manager.expire().unwrap();
    let After::Events(events) = doubles.events.after(1_000_000_000, 10) else { panic!("a gap") };
    let owner = Some(LeaseOwner { pid: Some(pid), command: Some(format!("server-{pid}")) });
    let told: Vec<_> = events.iter().map(|(_, event)| (event.event, event.owner.clone())).collect();
    assert_eq!(told, [(EventKind::Granted, owner.clone()), (EventKind::Expired, owner)]);
}

#[test]
fn a_label_says_which_leases_may_be_dropped() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let pid = begin(&doubles);
    let ours = outliving(&manager, pid).port;
    let named = manager.lease("app/web", &GetRequest { labels: of(1).labels, ..any() }).port;
    let other =
        manager.get_anonymous(&AnonymousRequest { labels: None, ..of(pid) }).unwrap().remove(0).lease.port;
    doubles.clock.advance(Duration::from_secs(5));
    assert_eq!(manager.labelled(LABEL), [(ours, Duration::from_secs(5))]);
    let leased = [ours, named, other];
    let unleased: Vec<Port> = POOL.ports().filter(|port| !leased.contains(port)).collect();
    assert_eq!(manager.unleased(), unleased);

    for port in [named, other, unleased[0]] {
        assert!(!manager.release_labelled(port, LABEL).unwrap());
    }
    assert_eq!(manager.len(), 3);
    assert!(manager.release_labelled(ours, LABEL).unwrap());
    assert!(!manager.release_labelled(ours, LABEL).unwrap());
    assert!(!manager.claimed().contains(&ours));
}

#[test]
fn on_a_crowded_pool_the_table_is_read_and_not_each_port_probed() {
    let doubles = Doubles::default();
    let pool: portlease_proto::PortRange = "40100-40299".parse().unwrap();
    let settings = Settings { pool: Pool::from(pool), kept_percent: 0, ..Settings::default() };
    let manager = doubles.manager_with(settings);
    let pid = begin(&doubles);
    let free = Port::constant(40250);
    for port in pool.ports().filter(|port| *port != free) {
        doubles.stranger(port);
    }
    for expected in [Some(free), None] {
        let before = doubles.sockets.kernel().asked.probe;
        let granted = manager.try_get_anonymous(&of(pid));
        let port = granted.ok().flatten().map(|granted| granted[0].lease.port);
        assert_eq!(port, expected);
        let probes = doubles.sockets.kernel().asked.probe - before;
        assert!(probes <= 40, "{probes} probes");
    }
    assert_eq!(manager.last_considered(), 200);

    // A port that is in use for UDP alone is there for TCP.
    let (udp, tcp) = (AnonymousRequest { protocol: Some(Protocol::Udp), ..of(pid) }, Protocol::Tcp);
    assert!(manager.try_get_anonymous(&udp).unwrap().is_some(), "strangers are on {tcp} alone");
}

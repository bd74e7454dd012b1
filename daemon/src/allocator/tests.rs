use std::time::SystemTime;

use portlease_proto::PortRange;

use super::*;
use crate::registry::{Change, Record};

fn key(project: &str) -> LeaseKey {
    LeaseKey { project: project.parse().unwrap(), service: "web".parse().unwrap() }
}

fn now(boot_s: u64) -> Now {
    crate::doubles::at(boot_s)
}

fn ports(request: &GetRequest, pool: &str) -> Vec<(u16, Wish)> {
    let pool = Pool::from(pool.parse::<PortRange>().unwrap());
    candidates(&key("app"), request, &pool).map(|c| (c.port.get(), c.wish)).collect()
}

#[test]
fn an_exact_port_is_the_only_candidate() {
    let request = GetRequest { port: Some(Port::constant(3000)), ..GetRequest::default() };
    assert_eq!(ports(&request, "100-110"), [(3000, Wish::Exact)]);
}

#[test]
fn preferred_ports_come_first_and_none_comes_twice() {
    let prefer = [104, 3000, 104].map(Port::constant).to_vec();
    let request = GetRequest { prefer, ..GetRequest::default() };
    let all = ports(&request, "100-104");
    assert_eq!(all[..2], [(104, Wish::Preferred), (3000, Wish::Preferred)]);
    let mut rest: Vec<u16> = all[2..].iter().map(|(port, _)| *port).collect();
    rest.sort_unstable();
    assert_eq!(rest, [100, 101, 102, 103]);
}

#[test]
fn a_range_takes_the_place_of_the_pool() {
    let prefer = [200, 300].map(Port::constant).to_vec();
    let request = GetRequest { prefer, range: Some("300-302".parse().unwrap()), ..GetRequest::default() };
    let mut all: Vec<u16> = ports(&request, "100-104").into_iter().map(|(port, _)| port).collect();
    assert_eq!(all[0], 300);
    all.sort_unstable();
    assert_eq!(all, [300, 301, 302]);
}

#[test]
fn the_start_depends_on_the_names_alone() {
    let request = GetRequest::default();
    let first = |project| candidates(&key(project), &request, &Pool::default()).next();
    assert_eq!(first("app"), first("app"));
    assert_ne!(first("app"), first("other"));
}

#[test]
fn what_the_tables_have_against_a_port() {
    let record = |project: &str, port| Record {
        id: project.to_owned(),
        key: key(project),
        port: Port::constant(port),
        protocol: Protocol::Both,
        root: None,
        labels: Default::default(),
        hold: false,
        run: None,
        life: Default::default(),
        owner_command: None,
        created_at: SystemTime::UNIX_EPOCH,
        renewed_at: SystemTime::UNIX_EPOCH,
    };
    let mut registry = Registry::default();
    registry.apply(&Change::Put(record("other", 300)));
    registry.apply(&Change::Put(record("gone", 301)));
    for change in registry.release(&[key("gone")], now(1000)) {
        registry.apply(&change);
    }
    let exclusions = Exclusions::default();
    let plain = GetRequest::default();
    let forced = GetRequest { force: true, ..GetRequest::default() };
    let check = |port, project, request, boot_s| {
        obstacle(Port::constant(port), &key(project), request, &exclusions, &registry, now(boot_s))
    };

    assert_eq!(check(299, "app", &plain, 1000), None);
    assert_eq!(check(6000, "app", &plain, 1000), Some(Obstacle::Excluded(Exclusion::Browsers)));
    assert_eq!(check(6000, "app", &forced, 1000), None);
    assert_eq!(check(300, "app", &forced, 1000), Some(Obstacle::Leased(key("other"))));
    assert_eq!(check(300, "other", &plain, 1000), None);
    assert_eq!(check(301, "app", &plain, 1059), Some(Obstacle::Cooling("gone".parse().unwrap())));
    assert_eq!(check(301, "gone", &plain, 1059), None);
    assert_eq!(check(301, "app", &plain, 1060), None);
}

#[test]
fn each_obstacle_says_what_it_is() {
    for (obstacle, reason, words) in [
        (Obstacle::Excluded(Exclusion::Iana), SkipReason::Excluded, "IANA has assigned it to a service"),
        (Obstacle::Leased(key("other")), SkipReason::Leased, "other/web has it"),
        (
            Obstacle::Cooling("gone".parse().unwrap()),
            SkipReason::Cooling,
            "gone released it less than a minute ago",
        ),
    ] {
        assert_eq!((obstacle.reason(), obstacle.to_string().as_str()), (reason, words));
    }
}

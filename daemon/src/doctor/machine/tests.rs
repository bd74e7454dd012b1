//! Each fault alone, on a machine that is well otherwise.

use std::time::{Duration, SystemTime};

use portlease_proto::{CheckStatus, Holder, Port, PortRange};

use super::*;
use crate::{
    allocator::{DEFAULT_POOL, KernelRanges},
    manager::{GoneRoot, PortCounts},
    registry::LeaseKey,
};

fn well() -> MachineFacts {
    let health = serde_json::from_str(include_str!("../../../../proto/tests/golden/health.json")).unwrap();
    let condition = Condition {
        pool: vec![DEFAULT_POOL],
        kernel: KernelRanges {
            ephemeral: Some(PortRange::constant(32768, 60999)),
            reserved: vec![PortRange::constant(8080, 8081)],
        },
        ports: PortCounts { excluded: 200, leased: 1000, left: 8800 },
        gone: Vec::new(),
        wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1000),
        renewed: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1000)),
        sockets: None,
        store: None,
        files: (1000, 2000),
    };
    MachineFacts { health, condition }
}

fn ill(change: impl FnOnce(&mut MachineFacts)) -> Vec<(String, CheckStatus, String, String)> {
    let mut facts = well();
    change(&mut facts);
    let checks = diagnose_machine(&facts).checks.into_iter();
    checks
        .filter(|check| check.status != CheckStatus::Ok)
        .map(|check| (check.id, check.status, check.summary, check.fix.unwrap()))
        .collect()
}

#[track_caller]
fn one(change: impl FnOnce(&mut MachineFacts), id: &str, status: CheckStatus, summary: &str, fix: &str) {
    let found = ill(change);
    let [found] = &found[..] else { panic!("not one: {found:?}") };
    assert_eq!((found.0.as_str(), found.1), (id, status), "{found:?}");
    assert!(found.2.contains(summary) && found.3.contains(fix), "{found:?}");
}

#[test]
fn all_is_well() {
    assert_eq!(ill(|_| ()), []);
    assert!(diagnose_machine(&well()).checks.iter().all(|check| check.summary.len() < 60));
}

#[test]
fn the_api_elsewhere() {
    use CheckStatus::Warn;
    let moved = |facts: &mut MachineFacts| {
        facts.health.endpoint.port = Some(Port::constant(62894));
        facts.health.endpoint.addresses = ["127.0.0.1:62894", "[::1]:62894"].map(str::to_owned).into();
    };
    let holder = |pid| Holder {
        pid,
        command: Some("nc -l".to_owned()),
        user: Some("bob".to_owned()),
        ..Holder::default()
    };
    let by = |pid: Option<u32>| {
        move |facts: &mut MachineFacts| {
            moved(facts);
            facts.health.wanted_port_holder = Some(holder(pid));
        }
    };
    one(
        by(Some(7)),
        "api_port",
        Warn,
        "taken by nc -l (pid 7, user bob), so the API is on port 62894",
        "portlease stop 62893",
    );
    one(by(None), "api_port", Warn, "only root can see (user bob)", "portlease who 62893");
    one(moved, "api_port", Warn, "was not to be had", "portlease who 62893");
    one(
        |facts| facts.health.endpoint.addresses.truncate(1),
        "addresses",
        Warn,
        "not on [::1], only on 127.0.0.1:62893",
        "portlease who 62893",
    );
    let none = ill(|facts| {
        facts.health.endpoint.port = None;
        facts.health.endpoint.addresses.clear();
    });
    assert!(none.len() == 2 && none[0].2.ends_with("so the API is not on TCP"), "{none:?}");
}

#[test]
fn the_registry_is_not_whole() {
    use CheckStatus::{Fail, Warn};
    one(|facts| facts.condition.sockets = Some("EPERM".to_owned()), "sockets", Fail, "EPERM", "AF_NETLINK");
    one(
        |facts| facts.condition.store = Some("the disk is full".to_owned()),
        "store",
        Fail,
        "the disk is full",
        "df -h",
    );
    one(|facts| facts.condition.wall -= Duration::from_secs(1), "clock", Warn, "it was set back", "set it");
    let gone = |count: usize| {
        move |facts: &mut MachineFacts| {
            let key =
                |i| LeaseKey { project: format!("app{i}").parse().unwrap(), service: Default::default() };
            facts.condition.gone =
                (0..count).map(|i| GoneRoot { key: key(i), root: "/gone".to_owned() }).collect();
        }
    };
    one(gone(1), "roots", Warn, "app0/default (/gone)", "portlease release app0 default");
    one(gone(5), "roots", Warn, "app2/default (/gone), and 2 more", "portlease release app0 default");
    assert!(!ill(gone(3))[0].2.contains("more"));
}

#[test]
fn there_is_no_room() {
    use CheckStatus::{Fail, Warn};
    let pool = |first, last| {
        move |facts: &mut MachineFacts| facts.condition.pool = vec![PortRange::constant(first, last)]
    };
    one(pool(60999, 61010), "pool", Warn, "60999-61010 overlaps 32768-60999", "pool = \"20000-29999\"");
    one(
        pool(8000, 8080),
        "pool",
        Warn,
        "overlaps 8080-8081 of net.ipv4.ip_local_reserved_ports",
        "config.toml",
    );
    assert_eq!(ill(pool(61000, 61010)), []);
    let left = |left| move |facts: &mut MachineFacts| facts.condition.ports.left = left;
    one(left(0), "ports", Fail, "1000 leased, 200 excluded, 0 left", "portlease list");
    one(left(100), "ports", Warn, "100 left", "portlease list");
    one(|facts| facts.condition.files = (2000, 2000), "open_files", Fail, "2000 of 2000", "ulimit");
    one(|facts| facts.condition.files = (1900, 2000), "open_files", Warn, "1900 of 2000", "ulimit");
    assert_eq!(ill(|facts| facts.condition.files = (9, usize::MAX)), []);
}

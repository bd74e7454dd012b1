//! The registry against a plain list that does the same slowly.

use proptest::prelude::*;

use portlease_proto::Ttl;

use super::*;
use crate::{clock::BootId, doubles::at};

fn record(project: u8, service: u8, port: u16) -> Record {
    Record {
        id: format!("{project}-{service}"),
        key: LeaseKey {
            project: format!("p{project}").parse().unwrap(),
            service: format!("s{service}").parse().unwrap(),
        },
        port: Port::constant(port),
        protocol: Protocol::Both,
        // Leases share roots, and lose them when they move.
        root: (!port.is_multiple_of(3)).then(|| format!("/root{}", port % 2)),
        labels: BTreeMap::new(),
        hold: false,
        run: (port % 5 == 1).then(|| owner(port % 4)),
        life: life(port),
        owner_command: None,
        created_at: SystemTime::UNIX_EPOCH,
        renewed_at: SystemTime::UNIX_EPOCH,
    }
}

/// Some leases have a term, some an owner, and some both.
fn life(port: u16) -> Life {
    let term = Term {
        ttl: Ttl::from_seconds(60).unwrap(),
        until: Duration::from_secs(1000 + 20 * u64::from(port / 3)),
        expires_at: SystemTime::UNIX_EPOCH,
    };
    Life {
        term: port.is_multiple_of(2).then_some(term),
        owner: port.is_multiple_of(3).then(|| owner(port % 2)),
        after: None,
    }
}

fn owner(pid: u16) -> Owner {
    Owner { pid: pid.into(), start: 1, boot_id: BootId(1) }
}

fn pids(processes: impl Iterator<Item = Owner>) -> BTreeSet<u32> {
    processes.map(|process| process.pid).collect()
}

#[derive(Debug, Clone)]
enum Step {
    Grant { project: u8, service: u8, port: u16 },
    Release { project: u8, service: u8 },
    ReleaseProject { project: u8 },
    Wait { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4_u8, 0..3_u8, 1..12_u16)
            .prop_map(|(project, service, port)| Step::Grant { project, service, port }),
        2 => (0..4_u8, 0..3_u8).prop_map(|(project, service)| Step::Release { project, service }),
        1 => (0..4_u8).prop_map(|project| Step::ReleaseProject { project }),
        1 => (1..90_u64).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

type Gone = Box<dyn Fn(&Record) -> bool>;

/// A grant as the manager makes it: only of a port that no other lease has.
fn take(step: &Step, registry: &mut Registry, model: &mut Vec<Record>, clock: &mut u64) {
    let (changes, gone): (_, Gone) = match *step {
        Step::Grant { project, service, port } => {
            let new = record(project, service, port);
            if model.iter().any(|other| other.port == new.port && other.key != new.key) {
                return;
            }
            model.retain(|other| other.key != new.key);
            model.push(new.clone());
            (vec![Change::Put(new)], Box::new(|_| false))
        }
        Step::Release { project, service } => {
            let key = record(project, service, 1).key;
            (registry.release(std::slice::from_ref(&key), at(*clock)), Box::new(move |r| r.key == key))
        }
        Step::ReleaseProject { project } => {
            let project = record(project, 0, 1).key.project;
            let keys: Vec<_> = registry.of_project(&project).map(|r| r.key.clone()).collect();
            (registry.release(&keys, at(*clock)), Box::new(move |r| r.key.project == project))
        }
        Step::Wait { seconds } => {
            *clock += seconds;
            (Vec::new(), Box::new(|_| false))
        }
    };
    model.retain(|record| !gone(record));
    for change in changes {
        registry.apply(&change);
    }
}

proptest! {
    #[test]
    fn does_what_a_plain_list_does(steps in proptest::collection::vec(step(), 1..60)) {
        let (mut registry, mut model, mut clock) = (Registry::default(), Vec::new(), 1000);
        for step in &steps {
            take(step, &mut registry, &mut model, &mut clock);

            model.sort_by(|a, b| a.key.cmp(&b.key));
            prop_assert!(registry.all().eq(model.iter()));
            prop_assert_eq!((registry.len(), registry.is_empty()), (model.len(), model.is_empty()));
            for port in (1..12).map(Port::constant) {
                prop_assert_eq!(registry.is_leased(port), model.iter().any(|record| record.port == port));
            }
            for project in (0..4).map(|project| record(project, 0, 1).key.project) {
                let count = model.iter().filter(|record| record.key.project == project).count();
                prop_assert_eq!(registry.count(&project), count);
            }
            for record in &model {
                prop_assert_eq!(registry.at(record.port), Some(record));
                prop_assert_eq!(registry.find(&record.key), Some(record));
                prop_assert_eq!(registry.cooling(record.port, at(clock)), None);
                for root in ["/root0", "/root1"] {
                    let besides = model.iter().any(|o| o.key != record.key && o.root.as_deref() == Some(root));
                    prop_assert_eq!(registry.is_root_besides(root, &record.key), besides);
                }
            }
        }
        for process in (0..4).map(owner) {
            let keys = model.iter().filter(|r| r.life.owner == Some(process)).map(|r| &r.key);
            prop_assert!(registry.of_owner(process).eq(keys));
            let keys = model.iter().filter(|r| r.run == Some(process)).map(|r| &r.key);
            prop_assert!(registry.of_run(process).eq(keys));
        }
        let owners = pids(model.iter().filter_map(|r| r.life.owner));
        let runs = pids(model.iter().filter_map(|r| r.run));
        prop_assert_eq!(pids(registry.owners()), owners.clone());
        prop_assert_eq!(pids(registry.runs()), runs.clone());
        prop_assert_eq!(registry.processes().count(), pids(registry.processes()).len(), "each once");
        prop_assert_eq!(pids(registry.processes()), &owners | &runs);
        let mut over: Vec<_> = registry.over(at(clock)).collect();
        over.sort();
        let keys = model.iter().filter(|r| r.life.term.is_some_and(|t| t.is_over(at(clock)))).map(|r| &r.key);
        prop_assert!(over.into_iter().eq(keys));
        let ends = model.iter().filter_map(|record| Some(record.life.term?.until));
        prop_assert_eq!(registry.next_end(), ends.min());

        let mut again = Registry::default();
        for change in registry.as_changes() {
            again.apply(&change);
        }
        prop_assert_eq!(again, registry);
    }
}

#[test]
fn a_released_port_cools_for_a_minute() {
    let mut registry = Registry::default();
    registry.apply(&Change::Put(record(1, 1, 7)));
    for change in registry.release(&[record(1, 1, 7).key], at(100)) {
        registry.apply(&change);
    }
    let port = Port::constant(7);
    assert_eq!(registry.cooling(port, at(159)).map(ProjectName::as_str), Some("p1"));
    assert_eq!(registry.cooling(port, at(160)), None);
    // Another release sweeps up what has cooled.
    assert!(registry.release(&[], at(160)).contains(&Change::Warm(port)));
}

#[test]
fn a_restored_cooling_never_lasts_longer_than_a_minute() {
    let port = Port::constant(7);
    let project: ProjectName = "p".parse().unwrap();
    let until = |released: u64, wall: u64| {
        let now = Now { boot: Duration::ZERO, ..at(wall) };
        let released = SystemTime::UNIX_EPOCH + Duration::from_secs(released);
        Cooling::restored(port, project.clone(), released, now).until.as_secs()
    };
    assert_eq!(until(1000, 1010), 50);
    assert_eq!(until(1000, 5000), 0);
    assert_eq!(until(5000, 1000), 60); // the wall clock was set back
}

#[test]
fn a_name_is_free_with_the_last_lease_that_has_it() {
    let mut registry = Registry::default();
    for record in [record(1, 1, 1), record(1, 2, 2), record(2, 1, 3)] {
        registry.apply(&Change::Put(record));
    }
    let name = |project| record(project, 1, 1).key.project;
    let home = Home { root: "/w".to_owned(), device: 1, inode: 1, born_ns: None };
    registry.apply(&Change::Settle(name(1), home.clone()));
    assert_eq!([registry.home(&name(1)), registry.home(&name(2))], [Some(&home), None]);
    let left = |keys: &[(u8, u8)]| -> Vec<Change> {
        let keys: Vec<_> = keys.iter().map(|(project, service)| record(*project, *service, 1).key).collect();
        let leaves = |change: &Change| matches!(change, Change::Leave(_));
        registry.release(&keys, at(100)).into_iter().filter(leaves).collect()
    };
    assert_eq!(left(&[(1, 1)]), []);
    assert_eq!(left(&[(1, 1), (1, 3)]), [], "one of them is none");
    assert_eq!(left(&[(1, 1), (1, 2), (2, 1)]), [Change::Leave(name(1))], "the other has no name to leave");
}

#[test]
fn a_name_that_a_lease_of_another_directory_has_is_taken() {
    let mut registry = Registry::default();
    registry.apply(&Change::Put(record(1, 1, 1)));
    let settle = |root: &str| {
        let home = Home { root: root.to_owned(), device: 1, inode: 1, born_ns: None };
        let settled =
            registry.settle(&record(1, 1, 1).key.project, &home, portlease_proto::Identify::Directory);
        (settled.project.to_string(), settled.because)
    };
    for root in ["/root1", "/"] {
        assert_eq!(settle(root), ("p1".to_owned(), None), "the lease is of {root} or of what is in it");
    }
    assert_eq!(settle("/else"), ("p1@2".to_owned(), Some("p1 is /root1".to_owned())));
}

#[test]
fn a_hold_waits_until_the_run_is_over() {
    let wants = |hold, run| Record { hold, run, ..record(1, 1, 1) }.wants_hold();
    assert!(wants(true, None));
    assert!(!wants(true, Some(owner(1))) && !wants(false, None) && !wants(false, Some(owner(1))));
}

#[test]
fn a_root_that_is_gone_is_noted_now_and_then_and_forgotten_when_it_is_back() {
    let mut registry = Registry::default();
    registry.apply(&Change::Put(record(1, 1, 1)));
    registry.apply(&Change::Put(record(1, 2, 2)));
    let roots: BTreeSet<&str> = registry.roots().collect();
    assert_eq!(roots, ["/root0", "/root1"].into());
    let gone = |counted, now: Now| {
        let absence =
            Absence { counted: Duration::from_secs(counted), since: now.boot, boot_id: now.boot_id };
        vec![Change::Absent("/root1".to_owned(), absence)]
    };
    let found = ["/root1".to_owned(), "/nobodys".to_owned()];
    let first = registry.looked_for(&found, at(1000));
    assert_eq!(first, gone(0, at(1000)));
    first.iter().for_each(|change| registry.apply(change));
    assert_eq!(registry.absence("/root1").map(|absence| absence.since), Some(at(1000).boot));

    assert_eq!(registry.looked_for(&found, at(1000 + 3599)), []);
    assert_eq!(registry.looked_for(&found, at(1000 + 3600)), gone(3600, at(4600)));
    let restarted = Now { boot_id: BootId(2), ..at(1060) };
    assert_eq!(registry.looked_for(&found, restarted), gone(0, restarted));
    let back = [Change::Present("/root1".to_owned())];
    assert_eq!(registry.looked_for(&found[1..], at(1060)), back);
    registry.apply(&Change::Remove(record(1, 1, 1).key));
    assert_eq!(registry.looked_for(&found, at(1060)), back, "nobody has it any more");
}

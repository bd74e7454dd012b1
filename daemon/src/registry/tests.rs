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
        run: None,
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
            prop_assert_eq!(registry.len(), model.len());
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
        for pid in 0..2 {
            let keys = model.iter().filter(|r| r.life.owner == Some(owner(pid))).map(|r| &r.key);
            prop_assert!(registry.of_owner(owner(pid)).eq(keys));
        }
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

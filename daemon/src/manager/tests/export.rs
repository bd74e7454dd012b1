//! Leases to a file and back.

use portlease_proto::{EventKind, Export, Identify, Imported, Outcome, Ttl};

use super::*;
use crate::{events::After, sockets::Transport};

fn told(imported: &[Imported]) -> Vec<(Outcome, u16)> {
    imported.iter().map(|lease| (lease.outcome, lease.port.get())).collect()
}

fn because(imported: &Imported) -> &str {
    imported.because.as_deref().unwrap()
}

/// Four leases: exactly these ports of the pool.
fn four(doubles: &Doubles) -> Export {
    let manager = doubles.manager();
    for (name, port) in [("a/one", 20101), ("a/two", 20103), ("b/one", 20102), ("b/two", 20105)] {
        manager.lease(name, &exactly(Port::constant(port)));
    }
    manager.export()
}

#[test]
fn what_is_exported_comes_back_as_it_was() {
    let (doubles, root) = (Doubles::default(), tempfile::tempdir().unwrap());
    let manager = doubles.manager();
    doubles.owners.begin(7);
    let all = GetRequest {
        port: Some(Port::constant(20107)),
        protocol: "tcp".parse().ok(),
        labels: Some([("k".to_owned(), "v".to_owned())].into()),
        hold: Some(true),
        ttl_s: Ttl::from_seconds(60).ok(),
        identify: Some(Identify::Directory),
        ..from_root(&root)
    };
    manager.lease("app/web", &all);
    manager.mv_project(&key("app/x").project, &key("store/x").project).unwrap();
    // Outside of the pool.
    manager.lease("other/web", &exactly(Port::constant(9000)));
    manager.lease("owned/web", &GetRequest { owner_pid: std::num::NonZeroU32::new(7), ..any() });
    let anonymous =
        portlease_proto::AnonymousRequest { ttl_s: Ttl::from_seconds(60).ok(), ..Default::default() };
    manager.get_anonymous(&anonymous).unwrap();
    let export = manager.export();
    assert_eq!((export.version, export.leases.len(), export.check()), (1, 2, Ok(())));

    let fresh = Doubles::default();
    let manager = fresh.manager();
    assert_eq!(
        told(&manager.import(&export).unwrap()),
        [(Outcome::Granted, 9000), (Outcome::Granted, 20107)]
    );
    assert_eq!(manager.export(), export, "it round-trips");
    assert_eq!((fresh.store.commits().len(), fresh.store.saved()), (1, manager.lock().registry.clone()));
    assert_eq!(manager.claimed().len(), 2);
    // The directory finds it under the name that it had.
    let lease = manager.lease("app/web", &GetRequest { port: None, ..all });
    assert_eq!((lease.project.as_str(), lease.port.get()), ("store", 20107));
    let again = manager.import(&export).unwrap();
    assert_eq!(told(&again), [(Outcome::Kept, 9000), (Outcome::Kept, 20107)]);
    assert!(again.iter().all(|lease| lease.because.is_none()));
}

#[test]
fn no_port_is_taken_from_a_lease_or_a_stranger() {
    let export = four(&Doubles::default());
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let live = manager.lease("live/web", &exactly(Port::constant(20101)));
    manager.lease("b/two", &exactly(Port::constant(20106)));
    // This user's, but nobody can tell whether it was there first.
    doubles.serve(Transport::Tcp, Port::constant(20102), crate::doubles::OUR_UID, "/srv");
    let imported = manager.import(&export).unwrap();
    use Outcome::{Granted, Kept, Moved};
    let outcomes: Vec<Outcome> = imported.iter().map(|lease| lease.outcome).collect();
    assert_eq!(outcomes, [Moved, Granted, Moved, Kept]);
    assert_eq!(because(&imported[0]), "port 20101 is leased to live/web");
    assert!(because(&imported[2]).starts_with("port 20102 is taken by server-"), "{imported:?}");
    assert_eq!(because(&imported[3]), "it has port 20106 here");
    assert_eq!(manager.show(&key("live/web")).unwrap().id, live.id);
    for lease in &imported {
        let key = LeaseKey { project: lease.project.clone(), service: lease.service.clone() };
        assert_eq!(manager.show(&key).unwrap().port, lease.port);
    }
    let mut ports: Vec<Port> = manager.list(None).unwrap().iter().map(|lease| lease.port).collect();
    ports.sort_unstable();
    assert_eq!((ports.len(), ports), (5, manager.claimed()), "each has a claim, and nothing else");
}

#[test]
fn who_is_moved_happens_upon_nobody_elses_port() {
    let export = four(&Doubles::default());
    let doubles = Doubles::default();
    let manager = doubles.manager();
    // Wherever a/one begins to look for another, the wishes of the others are in its way.
    for port in [20100, 20101, 20104, 20106, 20107, 20108] {
        doubles.stranger(Port::constant(port));
    }
    let imported = manager.import(&export).unwrap();
    use Outcome::{Granted, Moved};
    assert_eq!(told(&imported), [(Moved, 20109), (Granted, 20103), (Granted, 20102), (Granted, 20105)]);
}

#[test]
fn an_import_that_fails_leaves_nothing_behind() {
    let export = four(&Doubles::default());
    let doubles = Doubles::default();
    let manager = doubles.manager();
    for port in [20100, 20101, 20104, 20106, 20107, 20108, 20109] {
        doubles.stranger(Port::constant(port));
    }
    assert!(matches!(manager.import(&export), Err(Error::Exhausted { .. })));
    assert!(manager.is_empty() && manager.claimed().is_empty());
    doubles.sockets.clear(Port::constant(20101));
    doubles.store.fail_after(0);
    assert!(matches!(manager.import(&export), Err(Error::Store(_))));
    assert!(manager.is_empty() && manager.claimed().is_empty());
    let latest = doubles.events.latest();
    manager.import(&export).unwrap();
    let After::Events(events) = doubles.events.after(latest, 10) else { panic!("a gap") };
    assert!(events.iter().all(|(_, event)| event.event == EventKind::Granted) && events.len() == 4);
}

#[test]
fn an_app_that_runs_already_gets_its_port_back() {
    let (doubles, root) = (Doubles::default(), tempfile::tempdir().unwrap());
    let manager = doubles.manager();
    let port = manager.lease("app/web", &from_root(&root)).port;
    let export = manager.export();
    drop(manager);
    // The registry is lost, and the app is not.
    let fresh = Doubles::default();
    fresh.app(port, &path(&root));
    let manager = fresh.manager();
    assert_eq!(told(&manager.import(&export).unwrap()), [(Outcome::Granted, port.get())]);
    assert_eq!(manager.show(&key("app/web")).unwrap().state, portlease_proto::LeaseState::Bound);
    assert_eq!(manager.claimed(), [port]);
}

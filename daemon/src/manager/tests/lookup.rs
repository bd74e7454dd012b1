//! A lease that is there: the same answer, and nothing done for it.

use std::collections::BTreeSet;

use portlease_proto::LeaseState;

use super::*;
use crate::doubles::Asked;

#[test]
fn the_second_get_is_a_look_up() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let first = manager.granted("app/web", &any());
    assert!(first.created);
    assert_eq!(first.lease.state, LeaseState::Reserved);
    assert_eq!(doubles.store.commits().len(), 1);
    assert!(manager.take_unsaved() && !manager.take_unsaved());

    let before = doubles.sockets.kernel().asked;
    for _ in 0..3 {
        let again = manager.try_get(&key("app/web"), &any()).unwrap().unwrap();
        assert_eq!(again, Granted { created: false, ..first.clone() });
    }
    assert_eq!(doubles.sockets.kernel().asked, Asked { probe: before.probe + 3, ..before });
    assert_eq!(doubles.processes.running().finds, 0);
    assert_eq!(doubles.store.commits().len(), 1);
    assert!(!manager.take_unsaved());
}

#[test]
fn different_names_have_different_ports() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let names = ["app/web", "app/db", "app@x/web", "other/web", "other/db", "a/b"];
    let ports: BTreeSet<Port> = names.iter().map(|name| manager.lease(name, &any()).port).collect();
    assert_eq!(ports.len(), names.len());
    assert_eq!(manager.len(), names.len());
    assert_eq!(manager.claimed(), ports.into_iter().collect::<Vec<_>>());
}

#[test]
fn a_lost_registry_arrives_at_the_same_ports() {
    let names = ["app/web", "app/db", "other/web"];
    let ports = || {
        let manager = Doubles::default().manager();
        names.map(|name| manager.lease(name, &any()).port)
    };
    assert_eq!(ports(), ports());
    assert_eq!(ports()[0], walk("app/web")[0]);
}

#[test]
fn a_restart_keeps_leases_and_claims_their_ports_again() {
    let doubles = Doubles::default();
    let before = doubles.manager().lease("app/web", &any());
    let manager = doubles.manager();
    assert_eq!(manager.claimed(), [before.port]);
    assert_eq!(manager.granted("app/web", &any()), Granted { lease: before, created: false });
}

#[test]
fn an_explained_look_up_skipped_nothing() {
    let manager = Doubles::default().manager();
    manager.lease("app/web", &any());
    let explain = manager.lease("app/web", &GetRequest { explain: true, ..any() }).explain.unwrap();
    assert_eq!((explain.start, explain.skipped_count), (None, 0));
}

#[test]
fn labels_and_root_are_noted_by_one_commit() {
    let doubles = Doubles::default();
    let root = tempfile::tempdir().unwrap();
    let manager = doubles.manager();
    let bare = manager.lease("app/web", &any());
    let labels = Some([("team".to_owned(), "a".to_owned())].into());
    let request = GetRequest { labels: labels.clone(), ..from_root(&root) };

    let noted = manager.granted("app/web", &request);
    assert!(!noted.created);
    assert_eq!(noted.lease.port, bare.port);
    assert_eq!(noted.lease.root, Some(path(&root)));
    assert_eq!(Some(noted.lease.labels.clone()), labels);
    assert_eq!(doubles.store.commits().len(), 2);
    assert_eq!(doubles.manager().show(&key("app/web")).unwrap(), noted.lease);

    // Neither the same body again nor one that says nothing changes anything.
    assert_eq!(manager.granted("app/web", &request), noted);
    assert_eq!(manager.granted("app/web", &any()), noted);
    assert_eq!(doubles.store.commits().len(), 2);
}

#[test]
fn a_root_that_is_no_directory_is_refused() {
    let manager = Doubles::default().manager();
    let file = tempfile::NamedTempFile::new().unwrap();
    let file = file.path().to_str().unwrap();
    for root in ["/no/such/directory", file] {
        let request = GetRequest { root: Some(root.to_owned()), ..any() };
        assert!(matches!(manager.refused("app/web", &request), Error::BadRoot { .. }), "{root}");
    }
    assert!(manager.is_empty());
}

#[test]
fn a_project_has_a_limit_of_leases() {
    let doubles = Doubles::default();
    let settings = Settings { pool: Pool::from(POOL), leases_per_project: 2, ..Settings::default() };
    let manager = doubles.manager_with(settings);
    let first = manager.lease("app/a", &any());
    manager.lease("app/b", &any());
    let error = manager.refused("app/c", &any());
    assert!(matches!(&error, Error::TooManyLeases { most: 2, .. }), "{error}");

    // What is there is still answered, and may move; others have their own limit.
    assert_eq!(manager.lease("app/a", &any()), first);
    doubles.stranger(first.port);
    assert_ne!(manager.lease("app/a", &any()).port, first.port);
    manager.lease("other/a", &any());
}

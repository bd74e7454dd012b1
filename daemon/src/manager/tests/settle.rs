//! Projects that are named after their root.

use portlease_proto::{BatchRequest, EventKind, GetRequest, Identify, Lease, ServiceName};

use super::{Doubles, any, from_root, key};
use crate::{events::After, manager::Error, registry::Change};

fn of(root: &tempfile::TempDir) -> GetRequest {
    GetRequest { identify: Some(Identify::Directory), ..from_root(root) }
}

fn of_path(root: &std::path::Path) -> GetRequest {
    let root = root.canonicalize().unwrap().into_os_string().into_string().unwrap();
    GetRequest { identify: Some(Identify::Directory), root: Some(root), ..any() }
}

fn several(services: &[&str], one: &GetRequest) -> BatchRequest {
    let each = services.iter().map(|service| (service.parse::<ServiceName>().unwrap(), any()));
    let GetRequest { root, identify, .. } = one.clone();
    BatchRequest { services: each.collect(), root, identify, ..BatchRequest::default() }
}

fn name(lease: &Lease) -> (String, Option<String>) {
    (lease.project.to_string(), lease.identified.as_ref().map(|identified| identified.because.clone()))
}

#[test]
fn a_second_root_of_a_name_gets_a_number_and_keeps_it() {
    let (doubles, one, two) =
        (Doubles::default(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let manager = doubles.manager();
    let first = manager.lease("app/web", &of(&one));
    assert_eq!(name(&first), ("app".to_owned(), None));
    let second = manager.lease("app/web", &of(&two));
    let because = format!("app is {}", super::path(&one));
    assert_eq!(name(&second), ("app@2".to_owned(), Some(because)));
    assert_ne!(first.port, second.port);

    let commits = doubles.store.commits().len();
    let again = manager.lease("app/web", &of(&two));
    assert_eq!(name(&again), ("app@2".to_owned(), None), "said once");
    assert_eq!((again.id, doubles.store.commits().len()), (second.id.clone(), commits), "a look-up");
    drop(manager);
    assert_eq!(doubles.manager().lease("app/web", &of(&two)).id, second.id, "after a restart");
}

#[test]
fn a_moved_root_keeps_all_its_leases_in_one_commit() {
    let (doubles, dir) = (Doubles::default(), tempfile::tempdir().unwrap());
    let (before, after) = (dir.path().join("app"), dir.path().join("new"));
    std::fs::DirBuilder::new().create(&before).unwrap();
    let manager = doubles.manager();
    let web = manager.lease("app/web", &of_path(&before));
    let db = manager.lease("app/db", &of_path(&before));
    std::fs::rename(&before, &after).unwrap();
    let commits = doubles.store.commits().len();
    let latest = doubles.events.latest();
    let moved = manager.lease("new/web", &of_path(&after));
    assert_eq!((moved.project.as_str(), moved.port), ("app", web.port));
    assert_eq!(moved.root.as_deref(), after.canonicalize().unwrap().to_str());
    let other = manager.show(&key("app/db")).unwrap();
    assert_eq!((other.port, other.root), (db.port, moved.root));
    assert_eq!(doubles.store.commits().len(), commits + 1);
    let After::Events(events) = doubles.events.after(latest, 10) else { panic!("a gap") };
    let told: Vec<EventKind> = events.iter().map(|(_, event)| event.event).collect();
    assert_eq!(told, [EventKind::Changed, EventKind::Changed]);
}

#[test]
fn a_root_that_was_made_anew_is_known_by_what_it_is_now() {
    let (doubles, dir) = (Doubles::default(), tempfile::tempdir().unwrap());
    let (path, later) = (dir.path().join("app"), dir.path().join("later"));
    let make = || std::fs::DirBuilder::new().create(&path).unwrap();
    make();
    let manager = doubles.manager();
    let first = manager.lease("app/web", &of_path(&path));
    // The old one is still there, so that the new one has an inode of its own.
    std::fs::rename(&path, dir.path().join("old")).unwrap();
    make();
    let again = manager.lease("app/web", &of_path(&path));
    assert_eq!((again.id.as_str(), again.identified), (first.id.as_str(), None));
    std::fs::rename(&path, &later).unwrap();
    assert_eq!(manager.lease("later/web", &of_path(&later)).id, first.id);
}

#[test]
fn a_name_is_free_when_its_last_lease_is_gone() {
    let (doubles, one, two) =
        (Doubles::default(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let manager = doubles.manager();
    manager.lease("app/web", &of(&one));
    manager.lease("app/db", &of(&one));
    manager.release(&key("app/web").project, Some(&key("app/web").service)).unwrap();
    assert_eq!(manager.lease("app/web", &of(&two)).project.as_str(), "app@2");
    manager.release(&key("app/db").project, None).unwrap();
    let last = doubles.store.commits().pop().unwrap();
    assert!(last.contains(&Change::Leave(key("app/db").project)), "{last:?}");
    let three = tempfile::tempdir().unwrap();
    assert_eq!(manager.lease("app/web", &of(&three)).project.as_str(), "app");
}

#[test]
fn what_fails_settles_nothing() {
    let (doubles, one) = (Doubles::default(), tempfile::tempdir().unwrap());
    let manager = doubles.manager();
    doubles.store.fail_after(0);
    assert!(matches!(manager.refused("app/web", &of(&one)), Error::Store(_)));
    let two = tempfile::tempdir().unwrap();
    assert_eq!(name(&manager.lease("app/web", &of(&two))), ("app".to_owned(), None));
}

#[test]
fn an_explicit_name_is_not_looked_up() {
    let (doubles, one, two) =
        (Doubles::default(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let manager = doubles.manager();
    manager.lease("app/web", &of(&one));
    assert!(matches!(manager.refused("app/web", &from_root(&two)), Error::Differs { .. }));
    // Leases that were made by name, before anybody came from a directory.
    let taken = manager.lease("shop/web", &from_root(&one));
    assert_eq!(manager.lease("shop/db", &of_manifest(&two)).project.as_str(), "shop@2");
    assert_eq!(manager.lease("shop/web", &of_manifest(&one)).id, taken.id);
    let rootless = manager.lease("free/web", &any());
    assert_eq!(manager.lease("free/web", &of_manifest(&two)).id, rootless.id);
}

fn of_manifest(root: &tempfile::TempDir) -> GetRequest {
    GetRequest { identify: Some(Identify::Manifest), ..from_root(root) }
}

#[test]
fn all_services_of_a_batch_are_of_one_settled_project() {
    let (doubles, one, two) =
        (Doubles::default(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let manager = doubles.manager();
    let app = key("app/web").project;
    let first = manager.get_all(&app, &several(&["api", "web"], &of(&one))).unwrap();
    assert!(first.iter().all(|granted| name(&granted.lease) == ("app".to_owned(), None)), "{first:?}");
    let second = manager.get_all(&app, &several(&["api", "web"], &of(&two))).unwrap();
    let because = format!("app is {}", super::path(&one));
    let expected = ("app@2".to_owned(), Some(because));
    assert!(second.iter().all(|granted| name(&granted.lease) == expected), "{second:?}");
    assert!(second.iter().all(|granted| granted.lease.root.as_deref() == Some(&*super::path(&two))));

    let commits = doubles.store.commits().len();
    let again = manager.get_all(&app, &several(&["api", "web"], &of(&two))).unwrap();
    assert!(again.iter().all(|granted| name(&granted.lease) == ("app@2".to_owned(), None)), "said once");
    assert_eq!(doubles.store.commits().len(), commits, "a look-up");
    assert_eq!(manager.lease("app/web", &of(&two)).id, second[1].lease.id, "as for one lease");
    let row = BatchRequest { contiguous: true, ..several(&["a", "b"], &of(&two)) };
    let row = manager.get_all(&app, &row).unwrap();
    assert!(row.iter().all(|granted| granted.lease.project.as_str() == "app@2"), "{row:?}");
}

#[test]
fn a_batch_in_a_moved_root_takes_the_other_leases_along() {
    let (doubles, dir) = (Doubles::default(), tempfile::tempdir().unwrap());
    let (before, after) = (dir.path().join("app"), dir.path().join("new"));
    std::fs::DirBuilder::new().create(&before).unwrap();
    let manager = doubles.manager();
    let old = manager.get_all(&key("app/a").project, &several(&["a", "b", "c"], &of_path(&before))).unwrap();
    std::fs::rename(&before, &after).unwrap();
    let commits = doubles.store.commits().len();
    let new = manager.get_all(&key("new/a").project, &several(&["a", "b"], &of_path(&after))).unwrap();
    let ids = |granted: &[crate::manager::Granted]| -> Vec<String> {
        granted.iter().map(|granted| granted.lease.id.clone()).collect()
    };
    assert_eq!(ids(&new), ids(&old[..2]));
    assert_eq!(doubles.store.commits().len(), commits + 1);
    let root = after.canonicalize().unwrap();
    let third = manager.show(&key("app/c")).unwrap();
    assert_eq!(third.root.as_deref(), root.to_str());
    assert!(new.iter().all(|granted| granted.lease.root == third.root));
    assert!(new[0].lease.identified.is_some());
}

//! Other names for projects and leases.

use portlease_proto::{EventKind, Identify, LeaseState, ProjectName};

use super::*;
use crate::events::After;

fn project(name: &str) -> ProjectName {
    name.parse().unwrap()
}

fn of(root: &tempfile::TempDir, by: Identify) -> GetRequest {
    GetRequest { identify: Some(by), ..from_root(root) }
}

#[test]
fn everything_but_the_name_stays() {
    let (doubles, root) = (Doubles::default(), tempfile::tempdir().unwrap());
    let manager = doubles.manager();
    doubles.owners.begin(7);
    let held = GetRequest {
        hold: Some(true),
        owner_pid: std::num::NonZeroU32::new(7),
        ..of(&root, Identify::Directory)
    };
    let web = manager.lease("shop/web", &of(&root, Identify::Directory));
    let db = manager.lease("shop/db", &held);
    let app = doubles.app(web.port, &path(&root));
    let (claimed, holds) = (manager.claimed(), doubles.sockets.kernel().asked.hold);
    let (latest, commits) = (doubles.events.latest(), doubles.store.commits().len());

    manager.mv_project(&project("shop"), &project("store")).unwrap();
    let moved = manager.list(Some(&project("store"))).unwrap();
    assert_eq!(moved.iter().map(|lease| &lease.id).collect::<Vec<_>>(), [&db.id, &web.id]);
    assert_eq!((moved[0].port, moved[1].port), (db.port, web.port));
    assert_eq!(moved[1].state, LeaseState::Bound, "what runs there goes on");
    assert_eq!((manager.claimed(), doubles.sockets.kernel().asked.hold), (claimed, holds));
    assert_eq!(doubles.store.commits().len(), commits + 1);
    assert_eq!(doubles.store.saved(), manager.lock().registry);
    assert!(manager.list(Some(&project("shop"))).unwrap().is_empty());
    let After::Events(events) = doubles.events.after(latest, 10) else { panic!("a gap") };
    assert!(events.iter().all(|(_, event)| event.event == EventKind::Changed), "{events:?}");

    // The directory is still called shop, and so is what it asks for.
    let again = manager.lease("shop/web", &of(&root, Identify::Directory));
    assert_eq!((again.id, again.project.as_str(), again.identified), (web.id, "store", None));
    // A manifest says otherwise.
    let other = manager.lease("shop/web", &of(&root, Identify::Manifest));
    assert_eq!(other.project.as_str(), "shop");
    doubles.owners.end(7);
    manager.expire().unwrap();
    assert!(matches!(manager.show(&key("store/db")), Err(Error::NoSuchLease { .. })), "it has its owner");
    doubles.processes.close(app);
}

#[test]
fn a_name_that_is_somebodys_is_refused() {
    let (doubles, root) = (Doubles::default(), tempfile::tempdir().unwrap());
    let manager = doubles.manager_with(Settings {
        pool: Pool::from(POOL),
        leases_per_project: 2,
        ..Settings::default()
    });
    manager.lease("shop/web", &of(&root, Identify::Directory));
    manager.lease("shop/db", &any());
    manager.lease("other/web", &any());
    let before = doubles.store.saved();
    for (from, to) in [("shop", "other"), ("shop", "shop")] {
        let error = manager.mv_project(&project(from), &project(to)).unwrap_err();
        assert!(matches!(&error, Error::Exists { lease: Some(_), .. }), "{error:?}");
    }
    for (from, to) in [("shop/web", "other/web"), ("shop/web", "shop/db"), ("shop/web", "shop/web")] {
        assert!(matches!(manager.mv(&key(from), &key(to)), Err(Error::Exists { .. })));
    }
    assert!(matches!(manager.mv(&key("other/web"), &key("shop/x")), Err(Error::TooManyLeases { .. })));
    assert!(matches!(manager.mv_project(&project("none"), &project("x")), Err(Error::NoSuchLease { .. })));
    assert!(matches!(manager.mv(&key("shop/none"), &key("shop/x")), Err(Error::NoSuchLease { .. })));
    assert!(matches!(manager.mv_project(&project("shop"), &ProjectName::anonymous()), Err(Error::Anonymous)));
    assert!(matches!(manager.mv(&key("shop/web"), &key("-/web")), Err(Error::Anonymous)));
    doubles.store.fail_after(0);
    assert!(matches!(manager.mv_project(&project("shop"), &project("x")), Err(Error::Store(_))));
    assert_eq!((doubles.store.saved(), &before), (before.clone(), &manager.lock().registry));
}

#[test]
fn the_directory_goes_with_the_last_lease() {
    let (doubles, root) = (Doubles::default(), tempfile::tempdir().unwrap());
    let manager = doubles.manager();
    manager.lease("shop/web", &of(&root, Identify::Directory));
    manager.lease("shop/db", &of(&root, Identify::Directory));
    manager.mv(&key("shop/web"), &key("store/front")).unwrap();
    let home = |name: &str| manager.lock().registry.home(&project(name)).cloned();
    assert!(home("shop").is_some() && home("store").is_none());
    manager.mv(&key("shop/db"), &key("store/db")).unwrap();
    assert!(home("shop").is_none() && home("store").is_some());
    assert_eq!(manager.show(&key("store/front")).unwrap().root, Some(path(&root)));
    manager.mv(&key("store/db"), &key("store/pg")).unwrap();
    assert!(home("store").is_some(), "within a project");
}

//! The end of a lease.

use std::time::Duration;

use super::*;
use crate::registry::COOLING;

#[test]
fn one_service_or_the_whole_project_is_released() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let [a, _, _, other] =
        ["app/a", "app/b", "app/c", "other/a"].map(|name| manager.lease(name, &any()).port);
    let app = key("app/a").project;

    manager.release(&app, Some(&key("app/a").service)).unwrap();
    assert_eq!(manager.len(), 3);
    assert!(!manager.claimed().contains(&a));
    manager.release(&app, None).unwrap();
    assert_eq!(manager.claimed(), [other]);
    assert_eq!(doubles.store.saved(), manager.lock().registry);
    // A project goes in one commit.
    assert_eq!(doubles.store.commits().len(), 4 + 2);
    assert!(manager.take_unsaved());
}

#[test]
fn what_is_not_leased_cannot_be_released() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    manager.lease("app/web", &any());
    let LeaseKey { project, service } = key("other/db");
    for (error, text) in [
        (manager.release(&project, None), "no lease other"),
        (manager.release(&key("app/web").project, Some(&service)), "no lease app/db"),
        (manager.show(&key("other/web")).map(drop), "no lease other/web"),
    ] {
        let error = error.unwrap_err();
        assert!(matches!(error, Error::NoSuchLease { .. }), "{error:?}");
        assert_eq!(error.to_string(), text);
    }
    assert_eq!(doubles.store.commits().len(), 1);
}

#[test]
fn a_released_port_cools_for_other_projects() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let port = manager.lease("app/web", &any()).port;
    manager.release(&key("app/web").project, None).unwrap();

    doubles.clock.advance(COOLING - Duration::from_millis(1));
    // A restart does not warm it.
    let restarted = doubles.manager();
    for manager in [&manager, &restarted] {
        let error = manager.refused("other/web", &exactly(port));
        assert!(matches!(error, Error::Cooling { .. }), "{error}");
    }
    doubles.clock.advance(Duration::from_millis(1));
    assert_eq!(manager.lease("other/web", &exactly(port)).port, port);
}

#[test]
fn a_released_port_does_not_cool_for_its_own_project() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let port = manager.lease("app/web", &any()).port;
    manager.release(&key("app/web").project, None).unwrap();
    assert_eq!(manager.lease("app/another", &exactly(port)).port, port);
    assert_eq!(manager.lock().registry, doubles.store.saved());
}

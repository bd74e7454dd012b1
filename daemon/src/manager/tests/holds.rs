//! When the daemon keeps a port by a socket, and when it lets go.

use std::time::Duration;

use super::*;

fn held(manager: &Manager) -> Vec<Port> {
    let inner = manager.lock();
    let ports = inner.registry.all().map(|record| record.port);
    ports.filter(|port| inner.kept.is_held(*port)).collect()
}

fn hold() -> GetRequest {
    GetRequest { hold: Some(true), ..any() }
}

fn run(pid: u32) -> GetRequest {
    GetRequest { run_pid: std::num::NonZeroU32::new(pid), ..any() }
}

fn look(manager: &Manager) {
    let changed = manager.glance().unwrap();
    if !changed.is_empty() {
        manager.look_closer(changed).unwrap();
    }
}

#[test]
fn a_hold_goes_when_the_app_comes_and_comes_when_it_goes() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let port = manager.lease("app/web", &hold()).port;
    look(&manager);
    assert_eq!(held(&manager), [port]);
    doubles.app(port, "/");
    look(&manager);
    assert_eq!(held(&manager), [], "the app keeps others away by itself");
    doubles.sockets.clear(port);
    look(&manager);
    assert_eq!(held(&manager), [port]);
    assert!(manager.lease("app/web", &any()).hold);
    manager.lease("app/web", &GetRequest { hold: Some(false), ..any() });
    assert_eq!(held(&manager), []);
}

#[test]
fn a_hold_waits_for_what_is_in_its_way() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let port = manager.lease("app/web", &hold()).port;
    doubles.app(port, "/");
    look(&manager);
    // The app goes, and leaves connections that no look sees the end of.
    doubles.sockets.clear(port);
    doubles.sockets.leave(port);
    look(&manager);
    assert_eq!(held(&manager), []);
    let asked = doubles.sockets.kernel().asked.hold;
    doubles.sockets.clear(port);
    look(&manager);
    assert_eq!(doubles.sockets.kernel().asked.hold, asked, "not at every look");
    doubles.clock.advance(Duration::from_secs(5));
    look(&manager);
    assert_eq!(held(&manager), [port]);
}

#[test]
fn nothing_waits_for_a_hold_that_nobody_wants_any_more() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let port = manager.lease("app/web", &hold()).port;
    manager.lease("app/db", &any());
    doubles.app(port, "/");
    look(&manager);
    doubles.sockets.clear(port);
    doubles.sockets.leave(port);
    look(&manager);
    manager.release(&key("app/web").project, Some(&key("app/web").service)).unwrap();
    doubles.sockets.clear(port);
    manager.lease("app/web", &exactly(port));
    doubles.clock.advance(Duration::from_secs(5));
    look(&manager);
    assert_eq!(held(&manager), []);
}

#[test]
fn there_is_no_hold_while_a_run_lives() {
    let doubles = Doubles::default();
    doubles.owners.begin(7);
    let manager = doubles.manager();
    let port = manager.lease("app/web", &hold()).port;
    let lease = manager.lease("app/web", &run(7));
    assert!(lease.hold, "the wish stays");
    assert_eq!(held(&manager), [], "before the answer: the app binds at once");
    manager.lease("app/web", &any());
    manager.lease("app/web", &hold());
    look(&manager);
    assert_eq!(held(&manager), []);
    let new = manager.lease("app/new", &GetRequest { hold: Some(true), ..run(7) });
    assert_eq!(held(&manager), [], "nor is a new one taken");
    drop(manager);

    let manager = doubles.manager();
    assert_eq!(held(&manager), [], "nor by another daemon");
    doubles.owners.end(7);
    manager.expire().unwrap();
    let mut both = [port, new.port];
    both.sort_unstable();
    let mut now = held(&manager);
    now.sort_unstable();
    assert_eq!(now, both);
}

#[test]
fn a_hold_waits_for_what_outlives_its_run() {
    let doubles = Doubles::default();
    doubles.owners.begin(7);
    let manager = doubles.manager();
    let port = manager.lease("app/web", &GetRequest { hold: Some(true), ..run(7) }).port;
    doubles.app(port, "/");
    look(&manager);
    doubles.owners.end(7);
    manager.expire().unwrap();
    assert_eq!(held(&manager), []);
    doubles.sockets.clear(port);
    look(&manager);
    assert_eq!(held(&manager), [port]);
}

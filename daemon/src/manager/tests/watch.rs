//! Who comes to the ports of leases and who goes, told once and in order.

use portlease_proto::EventKind;

use super::*;
use crate::{
    doubles::{OTHER_UID, OUR_UID},
    events::After,
    sockets::SocketState,
};

/// A manager and what was told of it so far.
struct World {
    doubles: Doubles,
    manager: Manager,
    read: u64,
}

impl World {
    fn new() -> Self {
        let doubles = Doubles::default();
        let manager = doubles.manager();
        let world = Self { read: doubles.events.latest(), doubles, manager };
        world.look();
        world
    }

    fn look(&self) {
        self.manager.watch_once();
    }

    /// Grants a lease, which is told of and read.
    fn lease(&mut self, name: &str) -> Port {
        let port = self.manager.lease(name, &any()).port;
        self.read = self.doubles.events.latest();
        port
    }

    /// What a look finds: the kind, the service and the pid.
    fn found(&mut self) -> Vec<(EventKind, String, Option<u32>)> {
        self.look();
        let After::Events(events) = self.doubles.events.after(self.read, 100) else { panic!("a gap") };
        self.read = self.doubles.events.latest();
        let tell = |event: portlease_proto::Event| {
            (event.event, event.service.to_string(), event.holder.and_then(|holder| holder.pid))
        };
        events.into_iter().map(|(_, event)| tell(event)).collect()
    }

    fn only_on_loopback(&self) {
        self.doubles.sockets.only_on_loopback();
    }
}

#[test]
fn an_app_that_comes_and_goes() {
    let mut world = World::new();
    let port = world.lease("app/web");
    assert_eq!(world.found(), []);
    let app = world.doubles.app(port, "/");
    world.only_on_loopback();
    assert_eq!(world.found(), [(EventKind::Bound, "web".to_owned(), Some(app.pid))]);
    let finds = world.doubles.processes.running().finds;
    assert_eq!(world.found(), []);
    assert_eq!(world.doubles.processes.running().finds, finds, "nothing changed, nobody is looked for");
    world.doubles.sockets.clear(port);
    assert_eq!(world.found(), [(EventKind::Unbound, "web".to_owned(), Some(app.pid))]);
    assert_eq!(world.found(), []);
}

#[test]
fn a_stranger_that_takes_a_port() {
    let mut world = World::new();
    let port = world.lease("app/web");
    let stranger = world.doubles.stranger(port);
    world.only_on_loopback();
    assert_eq!(world.found(), [(EventKind::Taken, "web".to_owned(), Some(stranger.pid))]);
    world.doubles.sockets.clear(port);
    assert_eq!(world.found(), [(EventKind::Unbound, "web".to_owned(), Some(stranger.pid))]);
    // Bound and not listening is taken as well.
    let idle = world.doubles.processes.start(OTHER_UID, "/srv");
    world.doubles.sockets.add(Transport::Tcp, port, SocketState::BoundOnly, OTHER_UID, idle.inode);
    assert_eq!(world.found(), [], "looked for less often");
    world.doubles.clock.advance(std::time::Duration::from_secs(5));
    assert_eq!(world.found(), [(EventKind::Taken, "web".to_owned(), Some(idle.pid))]);
}

#[test]
fn an_app_that_was_started_again_between_two_looks() {
    let mut world = World::new();
    let port = world.lease("app/web");
    let first = world.doubles.app(port, "/");
    world.only_on_loopback();
    world.found();
    world.doubles.processes.close(first);
    world.doubles.sockets.clear(port);
    let second = world.doubles.app(port, "/");
    world.only_on_loopback();
    let web = || "web".to_owned();
    assert_eq!(
        world.found(),
        [(EventKind::Unbound, web(), Some(first.pid)), (EventKind::Bound, web(), Some(second.pid))]
    );
}

#[test]
fn an_exposed_port_is_told_of_once() {
    let mut world = World::new();
    let port = world.lease("app/web");
    let app = world.doubles.app(port, "/");
    let web = || "web".to_owned();
    assert_eq!(
        world.found(),
        [(EventKind::Bound, web(), Some(app.pid)), (EventKind::Exposed, web(), Some(app.pid))]
    );
    world.doubles.sockets.listen(Transport::Udp, port, OUR_UID, app.inode + 1);
    assert_eq!(world.found(), []);
}

#[test]
fn what_was_there_when_the_daemon_started_is_no_event() {
    let mut world = World::new();
    let port = world.lease("app/web");
    let app = world.doubles.app(port, "/");
    world.only_on_loopback();
    world.found();
    world.manager = world.doubles.manager();
    assert_eq!(world.found(), []);
    world.doubles.sockets.clear(port);
    assert_eq!(world.found(), [(EventKind::Unbound, "web".to_owned(), Some(app.pid))]);
}

#[test]
fn a_lease_that_was_released_is_not_told_of() {
    let mut world = World::new();
    let port = world.lease("app/web");
    world.doubles.app(port, "/");
    world.only_on_loopback();
    world.found();
    let changed = {
        world.doubles.sockets.clear(port);
        world.manager.glance().unwrap()
    };
    assert!(!changed.is_empty());
    world.manager.release(&key("app/web").project, None).unwrap();
    world.read = world.doubles.events.latest();
    world.manager.look_closer(changed).unwrap();
    assert_eq!(world.found(), []);
    // Another lease of that port begins with nobody on it.
    world.lease("app/web");
    assert_eq!(world.found(), []);
}

#[test]
fn a_moved_lease_is_watched_on_its_new_port() {
    let mut world = World::new();
    let port = world.lease("app/web");
    world.doubles.stranger(port);
    world.only_on_loopback();
    world.found();
    let moved = world.lease("app/web");
    assert_ne!(moved, port);
    assert_eq!(world.found(), [], "the stranger is no longer in the way");
    let app = world.doubles.app(moved, "/");
    world.only_on_loopback();
    assert_eq!(world.found(), [(EventKind::Bound, "web".to_owned(), Some(app.pid))]);
}

#[test]
fn a_kernel_that_does_not_answer_is_an_error() {
    let mut world = World::new();
    assert!(world.manager.glance().is_ok(), "without leases it is not asked");
    world.lease("app/web");
    world.doubles.sockets.kernel().fails = Some(|| crate::sockets::SocketError::Garbled("the test"));
    assert!(matches!(world.manager.glance(), Err(Error::Sockets(_))));
}

#[test]
fn only_ports_with_sockets_are_looked_at_more_closely() {
    let mut world = World::new();
    let (first, second, third) = (world.lease("a/web"), world.lease("b/web"), world.lease("c/web"));
    let app = world.doubles.app(first, "/");
    let stays = world.doubles.app(third, "/");
    world.only_on_loopback();
    let pids = |found: Vec<(EventKind, String, Option<u32>)>| -> Vec<_> {
        found.into_iter().map(|(kind, _, pid)| (kind, pid)).collect()
    };
    assert_eq!(pids(world.found()), [(EventKind::Bound, Some(app.pid)), (EventKind::Bound, Some(stays.pid))]);
    // One goes and another comes between two looks, and one stays.
    world.doubles.sockets.clear(first);
    let other = world.doubles.app(second, "/");
    world.only_on_loopback();
    assert_eq!(
        pids(world.found()),
        [(EventKind::Unbound, Some(app.pid)), (EventKind::Bound, Some(other.pid))]
    );
    assert_eq!(world.found(), []);
    // It is known until when the first one was there, and nothing of who still is.
    world.doubles.clock.advance(std::time::Duration::from_secs(60));
    let last = world.manager.whereabouts(first).unwrap().last.unwrap();
    assert_eq!(last.holder.pid, Some(app.pid));
    assert_eq!(last.until, "2027-01-15T08:00:00.000Z");
    assert!(world.manager.whereabouts(second).unwrap().last.is_none());
    world.manager.release(&key("a/web").project, None).unwrap();
    let again = world.lease("d/web");
    assert!(world.manager.whereabouts(again).unwrap().last.is_none());
}

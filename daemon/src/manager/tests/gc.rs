//! Leases whose root is gone.

use std::{fs::DirBuilder, path::PathBuf, time::Duration};

use portlease_proto::{GcRequest, LeaseState};

use super::*;
use crate::{clock::BootId, registry::GRACE};

const DAY: Duration = Duration::from_hours(24);
const HOUR: Duration = Duration::from_hours(1);

struct Root(tempfile::TempDir);

impl Root {
    fn new() -> Self {
        let root = Self(tempfile::tempdir().unwrap());
        root.make();
        root
    }

    fn path(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap().join("app")
    }

    fn make(&self) {
        DirBuilder::new().create(self.path()).unwrap();
    }

    fn remove(&self) {
        std::fs::remove_dir(self.path()).unwrap();
    }

    fn request(&self) -> GetRequest {
        GetRequest { root: Some(self.path().into_os_string().into_string().unwrap()), ..any() }
    }
}

/// What `gc` reclaims, and the seconds that the others have left.
fn gc(manager: &Manager, dry_run: bool) -> (usize, Vec<u64>) {
    let report = manager.gc(GcRequest { dry_run }).unwrap();
    assert_eq!(report.dry_run, dry_run);
    (report.leases.len(), report.waiting.iter().map(|waiting| waiting.left_s).collect())
}

#[test]
fn leases_outlive_their_root_by_a_week() {
    let (doubles, root) = (Doubles::default(), Root::new());
    let manager = doubles.manager();
    let web = manager.lease("app/web", &root.request());
    manager.lease("other/web", &any());
    assert_eq!(gc(&manager, false), (0, vec![]));
    root.remove();
    assert_eq!(gc(&manager, false), (0, vec![GRACE.as_secs()]));
    assert_eq!(manager.show(&key("app/web")).unwrap().state, LeaseState::Stale);
    doubles.clock.advance(GRACE - Duration::from_millis(1));
    assert_eq!(gc(&manager, false), (0, vec![1]));
    doubles.clock.advance(Duration::from_millis(1));
    assert_eq!(gc(&manager, true), (1, vec![]));
    assert_eq!(manager.len(), 2, "it was only asked");
    assert_eq!(gc(&manager, false), (1, vec![]));
    assert!(matches!(manager.show(&key("app/web")), Err(Error::NoSuchLease { .. })));
    assert!(matches!(manager.refused("third/web", &exactly(web.port)), Error::Cooling { .. }));
    manager.look_for_roots().unwrap();
    assert_eq!(doubles.store.saved().absence(&web.root.unwrap()), None, "nobody has that root any more");
}

#[test]
fn a_root_that_comes_back_begins_anew() {
    let (doubles, root) = (Doubles::default(), Root::new());
    let manager = doubles.manager();
    manager.lease("app/web", &root.request());
    root.remove();
    gc(&manager, false);
    doubles.clock.advance(6 * DAY);
    root.make();
    manager.look_for_roots().unwrap();
    root.remove();
    doubles.clock.advance(DAY);
    assert_eq!(gc(&manager, false), (0, vec![GRACE.as_secs()]));
}

#[test]
fn a_wall_clock_that_is_set_reclaims_nothing() {
    let (doubles, root) = (Doubles::default(), Root::new());
    let manager = doubles.manager();
    manager.lease("app/web", &root.request());
    root.remove();
    gc(&manager, false);
    doubles.clock.set(doubles.clock.now_wall() + 365 * DAY);
    assert_eq!(gc(&manager, false), (0, vec![GRACE.as_secs()]));
    drop(manager);
    assert_eq!(gc(&doubles.manager(), false), (0, vec![GRACE.as_secs()]), "nor after a restart");
    doubles.clock.set(std::time::SystemTime::UNIX_EPOCH);
    doubles.clock.suspend(GRACE);
    assert_eq!(gc(&doubles.manager(), false), (1, vec![]), "the clock goes on in suspend");
}

#[test]
fn what_was_counted_outlasts_the_daemon_and_the_machine() {
    let (doubles, root) = (Doubles::default(), Root::new());
    let manager = doubles.manager();
    manager.lease("app/web", &root.request());
    root.remove();
    manager.look_for_roots().unwrap();
    let commits = doubles.store.commits().len();
    for _hour in 0..48 {
        doubles.clock.advance(HOUR / 2);
        manager.look_for_roots().unwrap();
    }
    assert_eq!(doubles.store.commits().len(), commits + 24, "saved once an hour");
    drop(manager);
    doubles.clock.advance(DAY);
    let manager = doubles.manager();
    assert_eq!(gc(&manager, false), (0, vec![5 * DAY.as_secs()]));
    drop(manager);
    // The machine is off for a month, or somebody says so: that cannot be told.
    doubles.clock.advance(30 * DAY);
    doubles.clock.restart_machine(BootId(2));
    let manager = doubles.manager();
    assert_eq!(gc(&manager, false), (0, vec![5 * DAY.as_secs()]));
    doubles.clock.advance(5 * DAY);
    assert_eq!(gc(&manager, false), (1, vec![]));
}

#[test]
fn a_lease_whose_app_runs_is_kept() {
    let (doubles, root) = (Doubles::default(), Root::new());
    let manager = doubles.manager();
    let port = manager.lease("app/web", &root.request()).port;
    root.remove();
    gc(&manager, false);
    doubles.clock.advance(GRACE);
    let app = doubles.app(port, root.path().to_str().unwrap());
    assert_eq!(gc(&manager, false), (0, vec![]));
    doubles.processes.close(app);
    doubles.sockets.clear(port);
    doubles.store.fail_after(0);
    assert!(matches!(manager.gc(GcRequest::default()), Err(Error::Store(_))));
    assert_eq!(manager.len(), 1);
    assert_eq!(gc(&manager, false), (1, vec![]));
}

//! A disk without room: what is saved stays, and nobody is told otherwise.
#![cfg(target_os = "linux")]

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    panic::resume_unwind,
    path::Path,
    process::Command,
    thread,
};

use rusqlite::Connection;
use rustix::thread::{UnshareFlags, unshare_unsafe};

use crate::daemon::{Daemon, Home};

/// Runs `work` where a small disk lies under the home, for it and for what it
/// starts alone.
fn on_a_small_disk(home: &Home, work: impl FnOnce() + Send) {
    let mount = |args: &[&str]| {
        assert!(Command::new("mount").args(args).status().unwrap().success(), "mount {args:?}");
    };
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            leave_mounts();
            mount(&["--make-rprivate", "/"]);
            let path = home.path("").into_os_string().into_string().unwrap();
            mount(&["-t", "tmpfs", "-o", "size=2m,mode=700", "none", &path]);
            work();
        });
        thread.join().unwrap_or_else(|panic| resume_unwind(panic));
    });
}

#[expect(unsafe_code, reason = "only unsharing the file table can confuse Rust, and it stays shared")]
fn leave_mounts() {
    // SAFETY: the flags are not `FILES`.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS | UnshareFlags::FS) }.unwrap();
}

/// Takes all the room that there is.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    let full = (0..10_000).find_map(|_| file.write(&[0; 4096]).err());
    assert_eq!(full.map(|error| error.kind()), Some(ErrorKind::StorageFull));
}

fn status(daemon: &mut Daemon<'_>, method: &str, target: &str) -> (u16, serde_json::Value) {
    let answer = daemon.ask(method, target, "");
    (answer.status, serde_json::from_slice(&answer.body).expect("a body of JSON"))
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn on_a_full_disk_it_is_healthy_and_not_ready() {
    let home = Home::new();
    on_a_small_disk(&home, || {
        home.configure(home.api(), "");
        let mut daemon = home.start();
        assert_eq!(status(&mut daemon, "GET", "/v1/ready").0, 200);
        daemon.put("before/web").json(201);

        // Who reads keeps the log from beginning anew in the room that it has.
        let reader = Connection::open(home.path("registry.db")).unwrap();
        let reading = reader.unchecked_transaction().unwrap();
        let _rows: i64 = reading.query_row("SELECT count(*) FROM lease", [], |row| row.get(0)).unwrap();
        let filler = home.path("filler");
        fill(&filler);
        let refused = (0..10).find_map(|number| {
            let (status, problem) = status(&mut daemon, "PUT", &format!("/v1/leases/app/s{number}"));
            (status != 201).then_some((status, problem["code"].clone()))
        });
        let unavailable = Some((503, "store_unavailable".into()));
        assert_eq!(refused, unavailable);
        let (refused, problem) = status(&mut daemon, "GET", "/v1/ready");
        assert_eq!(Some((refused, problem["code"].clone())), unavailable);
        daemon.health();
        daemon.ask("GET", "/v1/leases/before/web", "").json(200);

        fs::remove_file(filler).unwrap();
        assert_eq!(status(&mut daemon, "GET", "/v1/ready").0, 200);
        daemon.put("app/again").json(201);
    });
}

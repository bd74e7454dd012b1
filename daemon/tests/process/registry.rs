//! The registry on the disk: newer, damaged, deleted, and after kill -9.

use std::fs;

use serde_json::json;

use crate::{
    daemon::{Home, overwrite, wait_for},
    support::http::PATIENCE,
};

#[test]
fn what_was_answered_survives_kill_9() {
    let home = Home::new();
    let mut daemon = home.start();
    for name in ["a/web", "b/web", "b/db"] {
        daemon.put(name).json(201);
    }
    assert_eq!(daemon.ask("DELETE", "/v1/leases/b/web", "").status, 204);
    let before = daemon.list();
    daemon.kill();
    assert_eq!(home.start().list(), before);
}

#[test]
fn a_registry_of_a_newer_version_is_refused_and_not_touched() {
    let home = Home::new();
    let mut daemon = home.start();
    daemon.put("myapp/web").json(201);
    daemon.kill();
    let database = rusqlite::Connection::open(home.path("registry.db")).unwrap();
    database.pragma_update(None, "user_version", 999).unwrap();
    drop(database);
    let contents = || -> Vec<_> {
        let files = home.files("registry.db").into_iter();
        files.map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
    };
    let before = contents();

    let said = home.fails();
    for part in ["registry.db", "newer", "999"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(contents() == before, "the registry was touched: {:?}", home.files(""));
}

#[test]
fn a_damaged_registry_is_kept_aside_and_a_fresh_one_begun() {
    let home = Home::new();
    home.start().put("myapp/web").json(201);
    for file in home.files("registry.db") {
        overwrite(&file, "this is no database");
    }

    let mut daemon = home.start();
    let aside = home.files("registry.db.damaged-");
    assert_eq!(fs::read(&aside[0]).unwrap(), b"this is no database");
    let notices = daemon.health()["notices"].clone();
    let notice = notices[0].as_str().unwrap();
    assert!(notice.contains("damaged") && notice.contains(aside[0].to_str().unwrap()), "{notice}");
    assert_eq!(daemon.list(), json!({"leases": []}));
    daemon.put("myapp/web").json(201);
    daemon.kill();

    // Said once, and nothing is put aside again.
    let mut daemon = home.start();
    daemon.put("myapp/web").json(200);
    assert_eq!(daemon.health()["notices"], json!([]));
    assert_eq!(home.files("registry.db.damaged-"), aside);
}

#[test]
fn leases_survive_when_the_registry_is_deleted_and_another_lease_granted() {
    for deleted in [
        &["registry.db"][..],
        &["registry.db", "registry.db-wal", "registry.db-shm"],
        &["registry.db-wal"],
        &["registry.db-wal", "registry.db-shm"],
    ] {
        let home = Home::new();
        let mut daemon = home.start();
        // It has just looked after its files and will not for most of a second: the
        // grant itself has to find out.
        fs::remove_file(home.path("run/endpoint.json")).unwrap();
        daemon.wait_for_files();
        let before = daemon.put("before/web").json(201);
        for file in deleted {
            fs::remove_file(home.path(file)).expect(file);
        }
        let after = daemon.put("after/web").json(201);
        daemon.kill();

        let mut daemon = home.start();
        assert_eq!(daemon.put("before/web").json(200), before, "{deleted:?}");
        assert_eq!(daemon.put("after/web").json(200), after, "{deleted:?}");
        assert_eq!(daemon.health()["notices"], json!([]), "{deleted:?}");
    }
}

#[test]
fn leases_survive_when_the_registry_is_deleted_and_nobody_asks() {
    let home = Home::new();
    let mut daemon = home.start();
    let lease = daemon.put("needle/web").json(201);
    for file in home.files("registry.db") {
        fs::remove_file(file).unwrap();
    }
    // The daemon looks after its files by itself; reading disturbs nobody.
    let has_it = |bytes: Vec<u8>| bytes.windows(6).any(|window| window == b"needle");
    wait_for(PATIENCE, || fs::read(home.path("registry.db")).ok().filter(|bytes| has_it(bytes.clone())))
        .expect("the registry is back");
    daemon.kill();
    assert_eq!(home.start().put("needle/web").json(200), lease);
}

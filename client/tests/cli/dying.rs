//! A daemon on its way out: it still takes connections, and answers none.

use std::{fs::DirBuilder, os::unix::fs::DirBuilderExt, os::unix::net::UnixListener, thread};

use super::apart::home_apart;

#[test]
fn the_question_goes_to_the_next_daemon() {
    for args in [&["get", "app"][..], &["list"], &["get", "app", "--json"]] {
        let home = home_apart();
        let run = home.dir().join("run");
        DirBuilder::new().mode(0o700).create(&run).unwrap();
        let dying = UnixListener::bind(run.join("portlease.sock")).unwrap();
        let dead = thread::spawn(move || {
            for _ in 0..3 {
                drop(dying.accept().unwrap());
            }
        });
        let ran = home.run(args);
        assert_eq!(ran.code, 0, "{ran:?}");
        dead.join().unwrap();
        assert_eq!(home.daemons().len(), 1);
    }
}

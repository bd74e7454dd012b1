//! When an edge fails nothing is granted, moved or released, and nothing is
//! left behind.

use std::io;

use super::*;
use crate::sockets::{ClaimError, SocketError};

fn broken() -> SocketError {
    SocketError::Garbled("a test")
}

#[test]
fn what_cannot_be_saved_is_not_granted() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    doubles.store.fail_after(0);
    let error = manager.refused("app/web", &any());
    assert!(matches!(error, Error::Store(_)), "{error}");
    assert!(manager.is_empty() && manager.claimed().is_empty() && !manager.take_unsaved());
    assert_eq!(manager.lease("app/web", &any()).port, walk("app/web")[0]);
}

#[test]
fn what_cannot_be_saved_is_not_moved_noted_or_released() {
    type Attempt = fn(&Doubles, &Manager) -> Result<(), Error>;
    let table: [(&str, Attempt); 5] = [
        ("move", |doubles, manager| {
            doubles.stranger(walk("app/web")[0]);
            manager.get(&key("app/web"), &any()).map(drop)
        }),
        ("reset", |_, manager| {
            let request = GetRequest { reset: true, ..exactly(Port::constant(3000)) };
            manager.get(&key("app/web"), &request).map(drop)
        }),
        ("note", |_, manager| {
            let labels = Some([("a".to_owned(), "b".to_owned())].into());
            manager.get(&key("app/web"), &GetRequest { labels, ..any() }).map(drop)
        }),
        ("release", |_, manager| manager.release(&key("app/web").project, Some(&key("app/web").service))),
        ("release of all", |_, manager| manager.release(&key("app/web").project, None)),
    ];
    for (name, attempt) in table {
        let doubles = Doubles::default();
        let manager = doubles.manager();
        let lease = manager.lease("app/web", &any());
        manager.lease("app/db", &any());
        let (saved, claimed) = (doubles.store.saved(), manager.claimed());

        doubles.store.fail_after(0);
        let error = attempt(&doubles, &manager).unwrap_err();
        assert!(matches!(error, Error::Store(_)), "{name}: {error}");
        assert_eq!(doubles.store.saved(), saved, "{name}");
        assert_eq!(manager.lock().registry, saved, "{name}");
        assert_eq!(manager.claimed(), claimed, "{name}");
        doubles.sockets.clear(lease.port);
        assert_eq!(manager.lease("app/web", &any()), lease, "{name}");

        attempt(&doubles, &manager).unwrap();
        assert_eq!(manager.lock().registry, doubles.store.saved(), "{name}");
    }
}

#[test]
fn a_store_that_was_taken_away_is_written_anew() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    manager.lease("app/web", &any());
    doubles.store.take_away();
    assert!(doubles.store.saved().is_empty());
    manager.lease("app/db", &any());
    assert_eq!(doubles.store.saved().len(), 2);
    assert_eq!(doubles.store.saved(), manager.lock().registry);
}

#[test]
fn a_store_that_cannot_be_written_anew_grants_nothing() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    manager.lease("app/web", &any());
    // First the rewrite fails, then the commit after it.
    for good in [0, 1] {
        doubles.store.take_away();
        doubles.store.fail_after(good);
        let error = manager.refused("app/db", &any());
        assert!(matches!(error, Error::Store(_)), "{error}");
        assert_eq!((manager.len(), manager.claimed().len()), (1, 1));
    }
    manager.lease("app/db", &any());
    assert_eq!(doubles.store.saved(), manager.lock().registry);
}

#[test]
fn a_store_is_restored_when_it_is_missing() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    manager.lease("app/web", &any());
    manager.take_unsaved();
    assert!(!manager.restore_store().unwrap() && !manager.take_unsaved());
    doubles.store.take_away();
    doubles.store.fail_after(0);
    assert!(matches!(manager.restore_store(), Err(Error::Store(_))));
    assert!(manager.restore_store().unwrap() && manager.take_unsaved());
    assert_eq!(doubles.store.saved(), manager.lock().registry);
}

#[test]
fn a_kernel_that_gives_no_answer_grants_nothing() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let lease = manager.lease("app/web", &any());
    let saved = doubles.store.saved();
    doubles.sockets.kernel().fails = Some(broken);
    let names = ["new/web", "app/web"];
    for (name, request) in
        names.into_iter().flat_map(|name| [any(), exactly(lease.port)].map(|request| (name, request)))
    {
        let error = manager.refused(name, &request);
        let leased = name == "new/web" && request.port.is_some();
        // The tables refuse a leased port before the kernel is asked.
        assert!(matches!(error, Error::Sockets(_)) || leased, "{name}: {error:?}");
    }
    assert!(matches!(manager.show(&key("app/web")), Err(Error::Sockets(_))));
    doubles.sockets.kernel().fails = Some(|| SocketError::TooManyFiles);
    for name in names {
        let error = manager.refused(name, &any());
        assert!(matches!(error, Error::TooManyFiles), "{name}: {error:?}");
    }
    assert_eq!((doubles.store.saved(), manager.claimed()), (saved, vec![lease.port]));

    doubles.sockets.kernel().fails = None;
    assert_eq!(manager.lease("app/web", &any()), lease);
    manager.lease("new/web", &any());
}

#[test]
fn a_claim_that_cannot_be_made_grants_nothing() {
    let doubles = Doubles::default();
    let leased = doubles.manager().lease("app/web", &any());
    let saved = doubles.store.saved();
    type Fails = fn() -> ClaimError;
    let table: [(Fails, &str); 2] = [
        (
            || ClaimError::Call(io::ErrorKind::Other.into()),
            "the port cannot be claimed among the daemons of this machine",
        ),
        (|| ClaimError::TooManyFiles, "the limit on open files is reached: each lease takes one"),
    ];
    for (fails, expected) in table {
        doubles.sockets.kernel().claims_fail = Some(fails);
        // Begun anew, so that the lease has no claim.
        let manager = doubles.manager();
        let reset = GetRequest { reset: true, ..exactly(leased.port) };
        for (name, request) in [("new/web", any()), ("app/web", any()), ("app/web", reset)] {
            assert_eq!(manager.refused(name, &request).to_string(), expected, "{name} {request:?}");
        }
        assert!(manager.claimed().is_empty());
        assert_eq!(doubles.store.saved(), saved);
    }
    doubles.sockets.kernel().claims_fail = None;
    assert_eq!(doubles.manager().lease("app/web", &any()), leased);
}

#[test]
fn the_last_files_are_kept_for_answering() {
    let doubles = Doubles::default();
    let settings = Settings { pool: Pool::from(POOL), files: 2, ..Settings::default() };
    let manager = doubles.manager_with(settings);
    let first = manager.lease("a/web", &any());
    manager.lease("b/web", &any());
    assert!(matches!(manager.refused("c/web", &any()), Error::TooManyFiles));
    assert_eq!(manager.lease("a/web", &any()), first);

    manager.release(&"b".parse().unwrap(), None).unwrap();
    manager.lease("c/web", &any());
}

#[test]
fn where_sockets_cannot_be_listed_a_busy_port_is_passed_over() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let port = manager.lease("app/web", &any()).port;
    manager.release(&key("app/web").project, None).unwrap();
    doubles.stranger(port);
    doubles.sockets.kernel().blind = true;
    assert_eq!(manager.lease("app/web", &any()).port, walk("app/web")[1]);
}

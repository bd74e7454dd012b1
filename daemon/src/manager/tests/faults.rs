//! Every write of a life fails once, with each error that a disk has: then
//! nothing has happened, and asked again everything does.

use portlease_proto::{AnonymousRequest, BatchRequest, RenewRequest};
use rusqlite::ffi;

use super::*;
use crate::store::StoreError;

/// What SQLite makes of EIO, ENOSPC, EMFILE and EINTR, and of a full log.
const ERRORS: [fn() -> StoreError; 5] = [
    || sqlite(ffi::SQLITE_IOERR_WRITE),
    || sqlite(ffi::SQLITE_FULL),
    || sqlite(ffi::SQLITE_CANTOPEN),
    || sqlite(ffi::SQLITE_INTERRUPT),
    || sqlite(ffi::SQLITE_IOERR_SHMSIZE),
];

fn sqlite(code: i32) -> StoreError {
    StoreError::Sqlite(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
}

type Act = fn(&Manager) -> Result<(), Error>;

/// A life in which each step saves something.
const LIFE: [Act; 8] = [
    |manager| manager.get(&key("app/web"), &any()).map(drop),
    |manager| {
        manager
            .get(&key("app/web"), &GetRequest { labels: Some([("a".into(), "b".into())].into()), ..any() })
            .map(drop)
    },
    |manager| {
        let services = ["a", "b", "c"].map(|name| (name.parse().unwrap(), any())).into();
        manager
            .get_all(&"batch".parse().unwrap(), &BatchRequest { services, ..BatchRequest::default() })
            .map(drop)
    },
    |manager| manager.get(&key("app/term"), &GetRequest { ttl_s: ttl(60), ..any() }).map(drop),
    |manager| manager.renew(&key("app/term"), &RenewRequest { ttl_s: ttl(70) }).map(drop),
    |manager| {
        manager.get_anonymous(&AnonymousRequest { ttl_s: ttl(9), ..AnonymousRequest::default() }).map(drop)
    },
    |manager| manager.release(&key("app/web").project, Some(&key("app/web").service)),
    |manager| manager.release(&"batch".parse().unwrap(), None),
];

fn ttl(seconds: u64) -> Option<portlease_proto::Ttl> {
    portlease_proto::Ttl::from_seconds(seconds).ok()
}

#[test]
fn each_write_fails_with_each_error() {
    for (number, error) in ERRORS.into_iter().enumerate() {
        for k in 0..LIFE.len() {
            let doubles = Doubles::default();
            let manager = doubles.manager();
            doubles.store.fail_after_with(k, error);
            for (step, act) in LIFE.iter().enumerate() {
                let (saved, claimed) = (doubles.store.saved(), manager.claimed());
                let done = act(&manager);
                assert_eq!(done.is_err(), step == k, "error {number}, write {k}, step {step}: {done:?}");
                if step == k {
                    assert!(matches!(done, Err(Error::Store(_))), "{done:?}");
                    assert_eq!((doubles.store.saved(), manager.claimed()), (saved, claimed), "write {k}");
                    act(&manager).unwrap();
                }
                assert_eq!(manager.lock().registry, doubles.store.saved());
            }
        }
    }
}

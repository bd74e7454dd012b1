//! The store on a real file system.

use std::{io::Write, os::unix::fs::FileExt, time::SystemTime};

use portlease_proto::{Port, Ttl};
use rusqlite::{Connection, params};

use super::*;
use crate::registry::{Absence, Home, LeaseKey, Life, Owner, Record, Term};

const NOW: Now = Now {
    wall: SystemTime::UNIX_EPOCH,
    boot: Duration::from_secs(1000),
    awake: Duration::from_secs(900),
    boot_id: BootId(7),
};

fn record(project: &str, port: u16) -> Record {
    Record {
        id: format!("id-{project}"),
        key: LeaseKey { project: project.parse().unwrap(), service: "web".parse().unwrap() },
        port: Port::constant(port),
        protocol: portlease_proto::Protocol::Udp,
        root: Some("/tmp/a b".to_owned()),
        labels: [("k".to_owned(), "v\"".to_owned())].into(),
        hold: true,
        life: Life {
            term: Some(Term {
                ttl: Ttl::from_seconds(60).unwrap(),
                until: Duration::from_millis(959_999),
                expires_at: SystemTime::UNIX_EPOCH + Duration::from_millis(59_999),
            }),
            owner: Some(Owner { pid: 42, start: 12_345, boot_id: BootId(u128::MAX) }),
            after: Some(Ttl::from_seconds(600).unwrap()),
        },
        run: Some(Owner { pid: 43, start: 54_321, boot_id: BootId(9) }),
        owner_command: Some("pytest \"a b\"".into()),
        created_at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_234),
        renewed_at: SystemTime::UNIX_EPOCH + Duration::from_millis(5_678),
    }
}

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("registry.db")
    }

    fn open(&self) -> Result<Opened, StoreError> {
        SqliteStore::open(&self.path(), Durability::Normal, NOW)
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

#[test]
fn what_was_committed_is_there_again() {
    let place = Place::new();
    let mut opened = place.open().unwrap();
    assert!(opened.registry.is_empty() && opened.set_aside.is_none());
    let mut expected = Registry::default();
    for change in [Change::Put(record("a", 1)), Change::Put(record("b", 2))] {
        opened.store.commit(std::slice::from_ref(&change)).unwrap();
        expected.apply(&change);
    }
    let release = expected.release(&[record("b", 2).key], NOW);
    opened.store.commit(&release).unwrap();
    release.iter().for_each(|change| expected.apply(change));
    drop(opened);
    assert_eq!(place.open().unwrap().registry, expected);
}

#[test]
fn for_how_long_a_root_is_gone_is_there_again() {
    let place = Place::new();
    let absence = |seconds| Absence {
        counted: Duration::from_secs(seconds),
        since: Duration::from_secs(1000),
        boot_id: BootId(u128::MAX),
    };
    let away = |root: &str, seconds| Change::Absent(root.to_owned(), absence(seconds));
    let mut opened = place.open().unwrap();
    for change in [away("/a", 1), away("/b", 2), away("/a", 3), Change::Present("/b".to_owned())] {
        opened.store.commit(std::slice::from_ref(&change)).unwrap();
        opened.registry.apply(&change);
    }
    std::mem::forget(opened.store);
    let mut again = place.open().unwrap();
    assert_eq!(again.registry, opened.registry);
    assert_eq!((again.registry.absence("/a"), again.registry.absence("/b")), (Some(absence(3)), None));
    fs::remove_file(place.path()).unwrap();
    again.store.rewrite(&again.registry).unwrap();
    drop(again.store);
    assert_eq!(place.open().unwrap().registry, again.registry);
}

#[test]
fn whose_directory_it_is_is_there_again() {
    let place = Place::new();
    let home =
        |root: &str, born_ns| Home { root: root.to_owned(), device: u64::MAX, inode: 1 << 63, born_ns };
    let settle = |project: &str, home| Change::Settle(project.parse().unwrap(), home);
    let changes = [
        settle("a", home("/w/a", Some(-1))),
        settle("b", home("/w/b", None)),
        settle("a", home("/v/a", None)),
        Change::Leave("b".parse().unwrap()),
    ];
    let mut opened = place.open().unwrap();
    for change in &changes {
        opened.store.commit(std::slice::from_ref(change)).unwrap();
        opened.registry.apply(change);
    }
    // As kill -9 would leave it.
    std::mem::forget(opened.store);
    let again = place.open().unwrap();
    assert_eq!(again.registry, opened.registry);
    assert_eq!(again.registry.home(&"a".parse().unwrap()), Some(&home("/v/a", None)));
    drop(again);

    let mut again = place.open().unwrap();
    fs::remove_file(place.path()).unwrap();
    again.store.rewrite(&again.registry).unwrap();
    drop(again.store);
    assert_eq!(place.open().unwrap().registry, again.registry);
}

#[test]
fn after_a_restart_of_the_machine_a_term_begins_anew_and_once() {
    let place = Place::new();
    place.open().unwrap().store.commit(&[Change::Put(record("a", 1))]).unwrap();
    let open_at = |awake_s: u64, boot: u128| {
        let now = Now { awake: Duration::from_secs(awake_s), boot_id: BootId(boot), ..NOW };
        let opened = SqliteStore::open(&place.path(), Durability::Normal, now).unwrap();
        opened.registry.at(Port::constant(1)).unwrap().life.term.unwrap().until.as_millis()
    };
    assert_eq!(open_at(930, 7), 959_999, "the same start of the machine");
    assert_eq!(open_at(5, 8), 65_000, "another one");
    assert_eq!(open_at(20, 8), 65_000, "the daemon alone was started again");
}

#[test]
fn a_port_that_has_cooled_does_not_cool_again_when_the_wall_clock_is_set_back() {
    let place = Place::new();
    let mut opened = place.open().unwrap();
    opened.store.commit(&[Change::Put(record("a", 1))]).unwrap();
    let mut registry = opened.registry;
    registry.apply(&Change::Put(record("a", 1)));
    opened.store.commit(&registry.release(&[record("a", 1).key], NOW)).unwrap();
    drop(opened.store);

    let port = record("a", 1).port;
    let open = |now| SqliteStore::open(&place.path(), Durability::Normal, now).unwrap().registry;
    assert!(open(NOW).cooling(port, NOW).is_some());
    let later = Duration::from_secs(60);
    let over = Now { wall: NOW.wall + later, boot: NOW.boot + later, awake: NOW.awake + later, ..NOW };
    assert_eq!(open(over), Registry::default());
    let set_back = Now { wall: NOW.wall, ..over };
    assert!(open(set_back).cooling(port, set_back).is_none(), "it is over");
}

#[test]
fn the_epoch_grows_with_every_start_even_when_the_file_was_lost() {
    let place = Place::new();
    assert_eq!(place.open().unwrap().epoch, 1);
    let mut opened = place.open().unwrap();
    assert_eq!(opened.epoch, 2);
    fs::remove_file(place.path()).unwrap();
    opened.store.rewrite(&opened.registry).unwrap();
    drop(opened);
    assert_eq!(place.open().unwrap().epoch, 3);
}

#[test]
fn a_commit_is_whole_or_absent() {
    let place = Place::new();
    let mut opened = place.open().unwrap();
    opened.store.commit(&[Change::Put(record("a", 1))]).unwrap();
    let error = opened.store.commit(&[Change::Put(record("b", 2)), Change::Put(record("c", 1))]);
    assert!(matches!(error, Err(StoreError::Sqlite(_))), "port 1 in two leases: {error:?}");
    drop(opened);
    let registry = place.open().unwrap().registry;
    assert_eq!(registry.all().map(|r| r.port.get()).collect::<Vec<_>>(), [1]);
}

#[test]
fn the_file_is_private_and_its_header_tells_the_format() {
    let place = Place::new();
    let opened = place.open().unwrap();
    assert_eq!(fs::metadata(place.path()).unwrap().mode() & 0o777, 0o600);
    let bytes = fs::read(place.path()).unwrap();
    assert_eq!(bytes[60..64], KNOWN.to_be_bytes());
    drop(opened);
}

#[test]
fn a_newer_registry_is_refused_and_not_touched() {
    let place = Place::new();
    let mut opened = place.open().unwrap();
    opened.store.commit(&[Change::Put(record("a", 1))]).unwrap();
    opened.store.connection.pragma_update(None, "user_version", KNOWN + 1).unwrap();
    drop(opened);
    let (before, files) = (fs::read(place.path()).unwrap(), place.files());

    let error = place.open().unwrap_err();
    assert!(matches!(error, StoreError::Newer { found, .. } if found == KNOWN + 1), "{error}");
    assert!(fs::read(place.path()).unwrap() == before);
    assert_eq!(place.files(), files);
}

#[test]
fn a_damaged_registry_is_put_aside_and_a_fresh_one_begun() {
    let text = |place: &Place| File::create(place.path()).unwrap().write_all(b"not a database").unwrap();
    let cut = |place: &Place| {
        place.open().unwrap().store.commit(&[Change::Put(record("a", 1))]).unwrap();
        fs::OpenOptions::new().write(true).open(place.path()).unwrap().set_len(5000).unwrap();
    };
    let scribbled = |place: &Place| {
        place.open().unwrap().store.commit(&[Change::Put(record("a", 1))]).unwrap();
        let mut bytes = fs::read(place.path()).unwrap();
        bytes[200..].fill(0xa5);
        File::create(place.path()).unwrap().write_all(&bytes).unwrap();
    };
    // SQLite opens such a file, and takes nothing for it.
    let unwritable = |place: &Place| {
        place.open().unwrap().store.commit(&[Change::Put(record("a", 1))]).unwrap();
        File::options().write(true).open(place.path()).unwrap().write_all_at(&[3], 18).unwrap();
    };
    let nonsense = |place: &Place| {
        let opened = place.open().unwrap();
        let values = params!["../x", "web", "1", 1, "both", "{}"];
        opened
            .store
            .connection
            .execute(
                "INSERT INTO lease (project, service, id, port, protocol, labels, created_ms, renewed_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0)",
                values,
            )
            .unwrap();
    };
    let damages = [
        ("text", &text as &dyn Fn(&Place)),
        ("cut", &cut),
        ("scribbled", &scribbled),
        ("unwritable", &unwritable),
        ("nonsense", &nonsense),
    ];
    for (name, damage) in damages {
        let place = Place::new();
        damage(&place);
        let damaged = fs::read(place.path()).unwrap();
        let mut opened = place.open().unwrap();
        let aside = opened.set_aside.unwrap_or_else(|| panic!("{name}: opened as if whole"));
        assert!(fs::read(aside).unwrap() == damaged, "{name}: what was put aside is not what was there");
        assert!(opened.registry.is_empty());
        opened.store.commit(&[Change::Put(record("z", 9))]).unwrap();
    }
}

#[test]
fn a_registry_taken_away_is_noticed_and_written_anew() {
    for taken in [
        vec!["registry.db"],
        vec!["registry.db-wal"],
        vec!["registry.db", "registry.db-wal", "registry.db-shm"],
    ] {
        let place = Place::new();
        let mut opened = place.open().unwrap();
        opened.registry.apply(&Change::Put(record("a", 1)));
        opened.store.commit(&opened.registry.as_changes()).unwrap();
        for file in &taken {
            fs::remove_file(place.dir.path().join(file)).unwrap();
        }
        assert!(!opened.store.in_place(), "{taken:?}");
        assert!(matches!(opened.store.commit(&[]), Err(StoreError::Gone)));

        opened.store.rewrite(&opened.registry).unwrap();
        assert!(opened.store.in_place());
        opened.store.commit(&[Change::Put(record("b", 2))]).unwrap();
        // As kill -9 would leave it.
        std::mem::forget(opened.store);
        assert_eq!(place.open().unwrap().registry.len(), 2, "{taken:?}");
    }
}

#[test]
fn another_file_in_the_registrys_place_is_noticed() {
    for name in ["registry.db", "registry.db-wal"] {
        let place = Place::new();
        let mut opened = place.open().unwrap();
        opened.store.commit(&[Change::Put(record("a", 1))]).unwrap();
        let (path, copy) = (place.dir.path().join(name), place.dir.path().join("copy"));
        fs::copy(&path, &copy).unwrap();
        fs::rename(&copy, &path).unwrap();
        assert!(!opened.store.in_place(), "{name}");
        assert!(matches!(opened.store.commit(&[]), Err(StoreError::Gone)));
    }
}

#[test]
fn a_checkpoint_brings_commits_into_the_file() {
    let place = Place::new();
    let mut opened = place.open().unwrap();
    opened.store.commit(&[Change::Put(record("needle", 1))]).unwrap();
    let has_it = || fs::read(place.path()).unwrap().windows(6).any(|bytes| bytes == b"needle");
    assert!(!has_it());
    let checkpointer = opened.store.checkpointer();
    assert!(checkpointer.run().unwrap());
    assert!(has_it());

    // Somebody else who reads an older state keeps the newer one in the log.
    let reader = Connection::open(place.path()).unwrap();
    let reading = reader.unchecked_transaction().unwrap();
    let _rows: i64 = reading.query_row("SELECT count(*) FROM lease", [], |row| row.get(0)).unwrap();
    opened.store.commit(&[Change::Put(record("later", 2))]).unwrap();
    assert!(!checkpointer.run().unwrap());
    drop(reading);
    assert!(checkpointer.run().unwrap());
}

#[test]
fn a_check_writes_only_after_a_failure_and_then_tells_the_truth() {
    let place = Place::new();
    let mut opened = place.open().unwrap();
    opened.store.commit(&[Change::Put(record("a", 1))]).unwrap();
    let log = place.dir.path().join("registry.db-wal");
    let length = || fs::metadata(&log).unwrap().len();
    let before = length();
    opened.store.check().unwrap();
    assert_eq!(length(), before);

    opened.store.connection.pragma_update(None, "query_only", true).unwrap();
    assert!(matches!(opened.store.commit(&[Change::Put(record("b", 2))]), Err(StoreError::Sqlite(_))));
    assert!(matches!(opened.store.check(), Err(StoreError::Sqlite(_))));
    assert!(matches!(opened.store.check(), Err(StoreError::Sqlite(_))));
    opened.store.connection.pragma_update(None, "query_only", false).unwrap();
    opened.store.check().unwrap();
    assert!(length() > before);
    drop(opened);
    assert_eq!(place.open().unwrap().registry.len(), 1);
}

#[test]
fn a_check_of_a_registry_taken_away_says_so() {
    let place = Place::new();
    let mut opened = place.open().unwrap();
    fs::remove_file(place.path()).unwrap();
    assert!(matches!(opened.store.check(), Err(StoreError::Gone)));
}

#[test]
fn a_commit_waits_for_the_disk_as_it_is_told() {
    let place = Place::new();
    let synchronous = |store: &SqliteStore| -> u8 {
        store.connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap()
    };
    let mut store = SqliteStore::open(&place.path(), Durability::Full, NOW).unwrap().store;
    assert_eq!(synchronous(&store), 2);
    store.set_durability(Durability::Normal).unwrap();
    assert_eq!(synchronous(&store), 1);
    store.set_durability(Durability::Full).unwrap();
    fs::remove_file(place.path()).unwrap();
    store.rewrite(&Registry::default()).unwrap();
    assert_eq!(synchronous(&store), 2, "also in a new file");
}

#[test]
fn what_is_wrong_with_a_registry_is_told() {
    let place = Place::new();
    let mut store = place.open().unwrap().store;
    store.commit(&[Change::Put(record("a", 1))]).unwrap();
    assert_eq!(store.verify().unwrap(), None);
    store.connection.execute_batch("PRAGMA ignore_check_constraints = 1; UPDATE lease SET port = 0").unwrap();
    store.connection.execute_batch("PRAGMA ignore_check_constraints = 0").unwrap();
    let wrong = store.verify().unwrap().unwrap();
    assert!(wrong.contains("CHECK"), "{wrong}");
}

#[path = "tests/damaged_log.rs"]
mod damaged_log;
#[path = "tests/formats.rs"]
mod formats;

//! A registry whose log is not as it was written.

use super::*;

/// A registry with two leases in its log and none in its file, as kill -9
/// leaves it. SQLite shares what it knows of a file within a process, so these
/// are files that nobody has open.
fn killed() -> Place {
    let (alive, place) = (Place::new(), Place::new());
    let mut opened = alive.open().unwrap();
    for change in [Change::Put(record("a", 1)), Change::Put(record("b", 2))] {
        opened.store.commit(&[change]).unwrap();
    }
    for suffix in ["", "-wal", "-shm"] {
        write(&place, suffix, &read(&alive, suffix));
    }
    place
}

fn read(place: &Place, suffix: &str) -> Vec<u8> {
    fs::read(inspect::beside(&place.path(), suffix)).unwrap()
}

fn write(place: &Place, suffix: &str, bytes: &[u8]) {
    File::create(inspect::beside(&place.path(), suffix)).unwrap().write_all(bytes).unwrap();
}

/// Opens it long after the machine was started, so that its index counts.
fn open(place: &Place) -> Result<Opened, StoreError> {
    let now = Now { boot: Duration::from_secs(1), ..NOW };
    SqliteStore::open(&place.path(), Durability::Normal, now)
}

fn ports(opened: &Opened) -> Vec<u16> {
    opened.registry.all().map(|record| record.port.get()).collect()
}

#[test]
fn a_whole_log_is_read_and_nothing_is_kept() {
    let opened = open(&killed()).unwrap();
    assert_eq!(ports(&opened), [1, 2]);
    assert_eq!((opened.set_aside, opened.in_part), (None, false));
}

#[test]
fn what_comes_before_the_damage_is_in_force_and_all_of_it_is_kept() {
    let place = killed();
    let mut log = read(&place, "-wal");
    *log.last_mut().unwrap() ^= 1;
    write(&place, "-wal", &log);
    let before = [read(&place, ""), log];

    let opened = open(&place).unwrap();
    assert_eq!((ports(&opened), opened.in_part), (vec![1], true));
    let aside = opened.set_aside.unwrap();
    let kept = ["", "-wal"].map(|suffix| fs::read(inspect::beside(&aside, suffix)).unwrap());
    assert!(kept == before, "what is kept is not what was there");
}

#[test]
fn the_log_of_another_registry_is_kept_and_not_read() {
    let (place, other) = (killed(), killed());
    write(&place, "-wal", &read(&other, "-wal"));
    let opened = open(&place).unwrap();
    assert_eq!((ports(&opened), opened.in_part), (vec![], true));
    let log = fs::read(inspect::beside(&opened.set_aside.unwrap(), "-wal")).unwrap();
    assert!(log == read(&other, "-wal"));
}

#[test]
fn with_a_damaged_file_below_it_all_is_put_aside() {
    let place = killed();
    let mut log = read(&place, "-wal");
    *log.last_mut().unwrap() ^= 1;
    write(&place, "-wal", &log[..log.len() / 2]);
    let mut file = read(&place, "");
    file[200..].fill(0xa5);
    write(&place, "", &file);

    let mut opened = open(&place).unwrap();
    assert_eq!((ports(&opened), opened.in_part), (vec![], false));
    assert!(fs::read(opened.set_aside.unwrap()).unwrap() == file);
    opened.store.commit(&[Change::Put(record("z", 9))]).unwrap();
}

#[test]
fn what_cannot_be_opened_is_not_damaged() {
    for broken in [false, true] {
        let (there, place) = (killed(), Place::new());
        // No symbolic link is followed, wherever it leads.
        std::os::unix::fs::symlink(there.path(), place.path()).unwrap();
        let mut log = read(&there, "-wal");
        *log.last_mut().unwrap() ^= u8::from(broken);
        write(&place, "-wal", &log);
        write(&place, "-shm", &read(&there, "-shm"));
        assert!(matches!(open(&place), Err(StoreError::Io { .. })), "{broken}");
        assert!(place.path().is_symlink(), "it stays in its place");
    }
}

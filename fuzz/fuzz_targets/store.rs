//! A registry with damage: it opens with what can be read, or is put aside and
//! begun afresh. Nothing but a format of the future keeps a daemon from its
//! start, or it would never start again; what was opened once opens again.
//!
//! The first byte of input chooses a format that was released, or the log or its
//! index as a killed daemon leaves them. Three bytes are one byte of damage and
//! its place; what is left over cuts the file.
#![no_main]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use libfuzzer_sys::fuzz_target;
use portleased::{
    clock::{BootId, Now},
    store::{Durability, SqliteStore, StoreError},
};

const FORMATS: [&[u8]; 6] = [
    include_bytes!("../../daemon/src/store/formats/1.db"),
    include_bytes!("../../daemon/src/store/formats/2.db"),
    include_bytes!("../../daemon/src/store/formats/3.db"),
    include_bytes!("../../daemon/src/store/formats/4.db"),
    include_bytes!("../../daemon/src/store/formats/5.db"),
    include_bytes!("../../daemon/src/store/formats/6.db"),
];
const SUFFIXES: [&str; 3] = ["", "-wal", "-shm"];
const NOW: Now = Now {
    wall: SystemTime::UNIX_EPOCH,
    boot: Duration::from_secs(1),
    awake: Duration::from_secs(1),
    boot_id: BootId(7),
};

/// In memory where that can be had, one for each process.
static HOME: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let place = if memory.is_dir() { memory } else { std::env::temp_dir() };
    place.join(format!("portlease-fuzz-{}", std::process::id()))
});

/// What a daemon leaves that was killed: the registry, its log and the index of that.
static LEFT: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
    let path = begin();
    fs::write(&path, FORMATS[5]).unwrap();
    let _running = SqliteStore::open(&path, Durability::Normal, NOW).unwrap();
    SUFFIXES.map(|suffix| fs::read(beside(&path, suffix)).unwrap())
});

fn begin() -> PathBuf {
    let _none = fs::remove_dir_all(&*HOME);
    fs::create_dir(&*HOME).unwrap();
    HOME.join("registry.db")
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    path.with_extension(format!("db{suffix}"))
}

fn damage(mut bytes: Vec<u8>, data: &[u8]) -> Vec<u8> {
    let edits = data.chunks_exact(3);
    if let [cut, ..] = edits.remainder() {
        let length = bytes.len() * usize::from(*cut) / 256;
        bytes.truncate(length);
    }
    for edit in edits.take(64) {
        let place = usize::from(u16::from_le_bytes([edit[0], edit[1]]));
        if let Some(byte) = bytes.get_mut(place) {
            *byte = edit[2];
        }
    }
    bytes
}

fn lay_out(path: &Path, what: u8, data: &[u8]) {
    let what = usize::from(what) % (FORMATS.len() + 2);
    if let Some(format) = FORMATS.get(what) {
        return fs::write(path, damage(format.to_vec(), data)).unwrap();
    }
    for (number, suffix) in SUFFIXES.iter().enumerate() {
        let whole = LEFT[number].clone();
        let bytes = if number == what - FORMATS.len() + 1 { damage(whole, data) } else { whole };
        fs::write(beside(path, suffix), bytes).unwrap();
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((what, data)) = data.split_first() else { return };
    // It is made in the same place.
    LazyLock::force(&LEFT);
    let path = begin();
    lay_out(&path, *what, data);
    match SqliteStore::open(&path, Durability::Normal, NOW) {
        Ok(opened) => {
            assert!(opened.set_aside.is_none() || opened.in_part || opened.registry.is_empty());
            drop(opened.store);
            let again = SqliteStore::open(&path, Durability::Normal, NOW).expect("it opened once");
            assert!(again.set_aside.is_none(), "what was found whole is damaged now");
            assert_eq!(again.registry, opened.registry);
        }
        Err(StoreError::Newer { .. }) => {}
        Err(error) => panic!("no daemon will start again: {error:?}"),
    }
    let _left = fs::remove_dir_all(&*HOME);
});

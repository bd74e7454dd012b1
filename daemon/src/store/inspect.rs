//! What lies in the registry's place, without opening it: opening would
//! already change it.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
};

use super::{
    StoreError,
    migrations::{APPLICATION_ID, KNOWN},
};
use crate::clock::{Now, rfc3339};

/// What the file's first bytes say.
pub(super) enum Found {
    Nothing,
    Ours,
    Newer(u32),
    Damaged,
}

/// Reads the header of a SQLite file (<https://sqlite.org/fileformat2.html>,
/// 1.3): the magic text, what a writer and a reader must know at 18 and 19, the
/// user version at 60, the application id at 68.
pub(super) fn header(path: &Path) -> Result<Found, StoreError> {
    let io = |source| StoreError::Io { path: path.to_owned(), source };
    let mut header = [0; 72];
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(io(error)),
    };
    if file.metadata().map_err(io)?.len() == 0 {
        return Ok(Found::Nothing);
    }
    match (&file).read_exact(&mut header) {
        Ok(()) => Ok(judge(&header)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(Found::Damaged),
        Err(error) => Err(io(error)),
    }
}

fn judge(header: &[u8; 72]) -> Found {
    let word = |at: usize| header[at..].first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    // From 3 on a writer may only read, which would look like a disk that refuses.
    let is_writable = header[18..20].iter().all(|version| matches!(version, 1 | 2));
    match (&header[..16], word(68), word(60)) {
        // A file that was killed while it was made: its format is still in the log.
        (b"SQLite format 3\0", 0, 0) if is_writable => Found::Ours,
        (b"SQLite format 3\0", APPLICATION_ID, version) if version > KNOWN => Found::Newer(version),
        (b"SQLite format 3\0", APPLICATION_ID, _) if is_writable => Found::Ours,
        _ => Found::Damaged,
    }
}

/// Whether the content is at fault, rather than the disk or a lock.
pub(super) fn is_damage(error: &StoreError) -> bool {
    use rusqlite::{Error, ErrorCode};
    match error {
        StoreError::Row(_) => true,
        StoreError::Sqlite(Error::SqliteFailure(failure, _)) => matches!(
            failure.code,
            // `Unknown` is SQLITE_ERROR: a table or a column that is not there.
            ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::ConstraintViolation
                | ErrorCode::Unknown
        ),
        StoreError::Sqlite(Error::SqlInputError { .. }) => true,
        StoreError::Sqlite(
            Error::InvalidColumnType(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::FromSqlConversionFailure(..),
        ) => true,
        StoreError::Sqlite(_) | StoreError::Gone | StoreError::Newer { .. } | StoreError::Io { .. } => false,
    }
}

/// The registry's files: the log first, because a fresh registry beside an old
/// log would be damaged, too.
const SUFFIXES: [&str; 3] = ["-wal", "-shm", ""];

/// A file of the registry at `path`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Renames the damaged registry and its log, so that nothing is lost and a
/// fresh one can begin.
pub(super) fn put_aside(path: &Path, now: Now) -> Result<PathBuf, StoreError> {
    each_aside(path, now, |from, to| fs::rename(from, to))
}

/// Keeps a copy of the registry and its log as they are before they are opened.
pub(super) fn copy_aside(path: &Path, now: Now) -> Result<PathBuf, StoreError> {
    each_aside(path, now, |from, to| fs::copy(from, to).map(drop))
}

/// Takes away what was copied aside.
pub(super) fn discard(path: &Path) -> Result<(), StoreError> {
    each(path, &SUFFIXES, |from, _| fs::remove_file(from), "")
}

/// Takes away a log that is no part of the registry.
pub(super) fn discard_log(path: &Path) -> Result<(), StoreError> {
    each(path, &SUFFIXES[..2], |from, _| fs::remove_file(from), "")
}

fn each_aside(
    path: &Path,
    now: Now,
    act: impl Fn(&Path, &Path) -> io::Result<()>,
) -> Result<PathBuf, StoreError> {
    let stamp = format!(".damaged-{}", rfc3339(now.wall).replace(':', "-"));
    each(path, &SUFFIXES, act, &stamp)?;
    Ok(beside(path, &stamp))
}

fn each(
    path: &Path,
    suffixes: &[&str],
    act: impl Fn(&Path, &Path) -> io::Result<()>,
    stamp: &str,
) -> Result<(), StoreError> {
    for suffix in suffixes {
        let (from, to) = (beside(path, suffix), beside(path, &format!("{stamp}{suffix}")));
        match act(&from, &to) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(StoreError::Io { path: from, source }),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use rusqlite::{Error, ffi, types::Type};

    use super::*;

    fn head(versions: [u8; 2], format: u32, application: u32) -> [u8; 72] {
        let mut header = [0; 72];
        header[..16].copy_from_slice(b"SQLite format 3\0");
        header[18..20].copy_from_slice(&versions);
        header[60..64].copy_from_slice(&format.to_be_bytes());
        header[68..].copy_from_slice(&application.to_be_bytes());
        header
    }

    #[test]
    fn whose_a_header_is() {
        let word = |header: &[u8; 72]| match judge(header) {
            Found::Nothing => "nothing",
            Found::Ours => "ours",
            Found::Newer(_) => "newer",
            Found::Damaged => "damaged",
        };
        for (versions, format, application, expected) in [
            ([2, 2], KNOWN, APPLICATION_ID, "ours"),
            ([1, 1], 1, APPLICATION_ID, "ours"),
            ([2, 2], KNOWN + 1, APPLICATION_ID, "newer"),
            ([3, 3], KNOWN + 1, APPLICATION_ID, "newer"),
            ([3, 2], KNOWN, APPLICATION_ID, "damaged"),
            ([2, 3], KNOWN, APPLICATION_ID, "damaged"),
            ([1, 1], 0, 0, "ours"),
            ([3, 3], 0, 0, "damaged"),
            ([1, 1], 1, 0, "damaged"),
            ([1, 1], 1, 77, "damaged"),
        ] {
            let header = head(versions, format, application);
            assert_eq!(word(&header), expected, "{versions:?} {format} {application:x}");
        }
        assert_eq!(word(&[0; 72]), "damaged");
    }

    #[test]
    fn what_lies_in_the_place() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("registry.db");
        assert!(matches!(header(&path), Ok(Found::Nothing)));
        for (bytes, nothing) in [(&b""[..], true), (b"SQLite format 3\0", false)] {
            File::create(&path).unwrap().write_all(bytes).unwrap();
            assert_eq!(matches!(header(&path), Ok(Found::Nothing)), nothing);
            assert_eq!(matches!(header(&path), Ok(Found::Damaged)), !nothing);
        }
        assert!(matches!(header(&path.join("below")), Err(StoreError::Io { .. })), "no directory");
        assert!(matches!(header(temp.path()), Err(StoreError::Io { .. })), "a directory");
    }

    #[test]
    fn what_is_damage() {
        let sqlite = |code| StoreError::Sqlite(Error::SqliteFailure(ffi::Error::new(code), None));
        let input = Error::SqlInputError {
            error: ffi::Error::new(ffi::SQLITE_ERROR),
            msg: String::new(),
            sql: String::new(),
            offset: 0,
        };
        let unreadable = Error::FromSqlConversionFailure(0, Type::Text, Box::new(std::fmt::Error));
        for (error, expected) in [
            (StoreError::Row("port 0".to_owned()), true),
            (sqlite(ffi::SQLITE_CORRUPT), true),
            (sqlite(ffi::SQLITE_NOTADB), true),
            (sqlite(ffi::SQLITE_CONSTRAINT), true),
            (sqlite(ffi::SQLITE_ERROR), true),
            (StoreError::Sqlite(input), true),
            (StoreError::Sqlite(Error::InvalidColumnType(0, "port".to_owned(), Type::Null)), true),
            (StoreError::Sqlite(Error::IntegralValueOutOfRange(0, 65_536)), true),
            (StoreError::Sqlite(unreadable), true),
            (sqlite(ffi::SQLITE_FULL), false),
            (sqlite(ffi::SQLITE_IOERR), false),
            (sqlite(ffi::SQLITE_BUSY), false),
            (StoreError::Gone, false),
            (StoreError::Newer { path: PathBuf::new(), found: 9, known: 1 }, false),
            (StoreError::Io { path: PathBuf::new(), source: ErrorKind::Other.into() }, false),
        ] {
            assert_eq!(is_damage(&error), expected, "{error:?}");
        }
    }

    #[test]
    fn files_are_kept_and_taken_away_together() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("db");
        let texts = |path: &Path| ["", "-wal", "-shm"].map(|s| fs::read_to_string(beside(path, s)).ok());
        let all = ["file", "log", "index"].map(|text| Some(text.to_owned()));
        for (suffix, text) in [("", "file"), ("-wal", "log"), ("-shm", "index")] {
            File::create(beside(&path, suffix)).unwrap().write_all(text.as_bytes()).unwrap();
        }
        let now = crate::doubles::at(0);
        let copy = copy_aside(&path, now).unwrap();
        assert_eq!(copy, temp.path().join("db.damaged-1970-01-01T00-00-00.000Z"));
        assert_eq!([texts(&path), texts(&copy)], [all.clone(), all.clone()]);

        let aside = put_aside(&path, crate::doubles::at(1)).unwrap();
        assert_ne!(aside, copy);
        assert_eq!([texts(&path), texts(&aside)], [[None, None, None], all.clone()]);
        discard_log(&copy).unwrap();
        assert_eq!(texts(&copy), [all[0].clone(), None, None]);
        discard(&aside).unwrap();
        assert_eq!(texts(&aside), [None, None, None]);
        assert!(matches!(discard(&copy.join("below")), Err(StoreError::Io { .. })));
    }
}

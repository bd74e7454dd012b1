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

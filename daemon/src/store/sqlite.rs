//! The registry in a SQLite file: WAL, one writer, checked when opened.

use std::{
    fs::{self, File},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{
    Store, StoreError,
    inspect::{self, Found},
    log::{self, Verdict},
    migrations::{self, KNOWN},
    room, rows,
};
use crate::{
    clock::{BootId, Now},
    registry::{Change, Registry, Term},
};

/// What a commit survives. Both survive kill -9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// A power cut may forget the last second.
    #[default]
    Normal,
    /// A power cut forgets nothing; each grant waits for the disk.
    Full,
}

impl Durability {
    fn pragma(self) -> &'static str {
        match self {
            Self::Normal => "NORMAL",
            Self::Full => "FULL",
        }
    }
}

const QUICK: &str = "PRAGMA quick_check(1)";
/// Pages of different ages may each be sound: their indexes tell.
const THOROUGH: &str = "PRAGMA integrity_check(1)";

/// The open registry.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    path: PathBuf,
    /// Of the file and of its log, as they were opened.
    inodes: [Option<u64>; 2],
    durability: Durability,
    boot_id: BootId,
    epoch: u32,
    /// Whether the last write failed.
    failed: bool,
}

/// What opening found.
#[derive(Debug)]
pub struct Opened {
    /// The store, ready to write.
    pub store: SqliteStore,
    /// The registry as it was last committed.
    pub registry: Registry,
    /// How often it was opened, this time included.
    pub epoch: u32,
    /// Where a damaged registry was put aside.
    pub set_aside: Option<PathBuf>,
    /// Whether that was its log alone: what could be read of it is in force.
    pub in_part: bool,
}

impl SqliteStore {
    /// Opens the registry at `path`, or begins one. A damaged one is put aside
    /// under a name that ends in `.damaged-` and the time; one of which the log
    /// alone is damaged opens with what can be read, and is kept there as well.
    ///
    /// # Errors
    /// [`StoreError::Newer`], with the file untouched; [`StoreError::Io`] and
    /// [`StoreError::Sqlite`] when the place is of no use.
    pub fn open(path: &Path, durability: Durability, now: Now) -> Result<Opened, StoreError> {
        match inspect::header(path)? {
            Found::Newer(found) => Err(StoreError::Newer { path: path.to_owned(), found, known: KNOWN }),
            Found::Nothing => Self::open_checked(path, durability, now, QUICK),
            Found::Damaged => Self::begin_afresh(path, durability, now, inspect::put_aside(path, now)?),
            Found::Ours if log::verdict(path, now)? != Verdict::Whole => {
                Self::open_without_all(path, durability, now)
            }
            Found::Ours => match Self::open_checked(path, durability, now, QUICK) {
                Err(error) if inspect::is_damage(&error) => {
                    Self::begin_afresh(path, durability, now, inspect::put_aside(path, now)?)
                }
                opened => opened,
            },
        }
    }

    /// Opens what can be read, with all of it kept aside.
    fn open_without_all(path: &Path, durability: Durability, now: Now) -> Result<Opened, StoreError> {
        let kept = inspect::copy_aside(path, now)?;
        if log::verdict(path, now)? == Verdict::Foreign {
            inspect::discard_log(path)?;
        }
        match Self::open_checked(path, durability, now, THOROUGH) {
            Ok(opened) => Ok(Opened { set_aside: Some(kept), in_part: true, ..opened }),
            Err(error) if inspect::is_damage(&error) => {
                inspect::discard(path)?;
                Self::begin_afresh(path, durability, now, kept)
            }
            Err(error) => Err(error),
        }
    }

    fn begin_afresh(
        path: &Path,
        durability: Durability,
        now: Now,
        aside: PathBuf,
    ) -> Result<Opened, StoreError> {
        Ok(Opened { set_aside: Some(aside), ..Self::open_checked(path, durability, now, QUICK)? })
    }

    fn open_checked(
        path: &Path,
        durability: Durability,
        now: Now,
        check: &str,
    ) -> Result<Opened, StoreError> {
        let mut store = Self::connect(path, durability, now.boot_id)?;
        let verdict = store.ask(check)?;
        if verdict != "ok" {
            return Err(StoreError::Row(verdict));
        }
        let registry = rows::read(&store.connection, now)?;
        // Terms that began anew are saved, so that they end in their time
        // however often the daemon starts.
        let begun_now = |term: Term| term == Term::begin(term.ttl, now);
        let terms =
            registry.all().filter(|record| record.life.term.is_some_and(begun_now)).cloned().map(Change::Put);
        let over = rows::over(&store.connection, &registry, now)?;
        store.write(&terms.chain(over).collect::<Vec<Change>>())?;
        store.epoch = store.next_epoch(0)?;
        Ok(Opened { epoch: store.epoch, store, registry, set_aside: None, in_part: false })
    }

    /// The next epoch, which is behind `last`.
    fn next_epoch(&self, last: u32) -> Result<u32, StoreError> {
        let sql = "UPDATE stream SET epoch = max(epoch + 1, ?1) RETURNING epoch";
        Ok(self.connection.query_row(sql, [last], |row| row.get(0))?)
    }

    fn connect(path: &Path, durability: Durability, boot_id: BootId) -> Result<Self, StoreError> {
        let io = |source| StoreError::Io { path: path.to_owned(), source };
        // SQLite would make the file with the mode that the umask leaves.
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(path)
            .map_err(io)?;
        drop(file);

        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_secs(2))?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", durability.pragma())?;
        // The checkpointer does this; a commit should not have to wait for it.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        migrations::migrate(&mut connection)?;
        // The header of the file itself must tell the format: `inspect` reads
        // nothing else.
        connection.pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(()))?;
        let inodes = inodes(path);
        Ok(Self { connection, path: path.to_owned(), inodes, durability, boot_id, epoch: 0, failed: false })
    }

    /// What moves its commits from the log into the file, from another thread.
    #[must_use]
    pub fn checkpointer(&self) -> Checkpointer {
        Checkpointer { path: self.path.clone() }
    }

    /// `ok`, or the first thing that is wrong.
    fn ask(&self, check: &str) -> Result<String, StoreError> {
        Ok(self.connection.query_row(check, [], |row| row.get(0))?)
    }

    fn write(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        rows::write(&transaction, changes, self.boot_id)?;
        transaction.commit()?;
        Ok(())
    }
}

impl Store for SqliteStore {
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        if !self.in_place() {
            return Err(StoreError::Gone);
        }
        let written = self.write(changes);
        self.failed = written.is_err();
        written
    }

    fn rewrite(&mut self, registry: &Registry) -> Result<(), StoreError> {
        if !self.in_place() {
            // SQLite shares what it knows of a file among all connections of a
            // process, so the old one has to be closed first.
            self.connection = Connection::open_in_memory()?;
            let epoch = self.epoch;
            *self = Self::connect(&self.path, self.durability, self.boot_id)?;
            self.epoch = self.next_epoch(epoch)?;
        }
        let transaction = self.connection.transaction()?;
        transaction.execute_batch(
            "DELETE FROM lease; DELETE FROM cooling; DELETE FROM project; DELETE FROM absence;",
        )?;
        rows::write(&transaction, &registry.as_changes(), self.boot_id)?;
        transaction.commit()?;
        Ok(())
    }

    fn in_place(&self) -> bool {
        // What is committed into a deleted log is lost with the process.
        let now = inodes(&self.path);
        now == self.inodes && now.iter().all(Option::is_some)
    }

    fn set_durability(&mut self, durability: Durability) -> Result<(), StoreError> {
        self.connection.pragma_update(None, "synchronous", durability.pragma())?;
        self.durability = durability;
        Ok(())
    }

    fn verify(&mut self) -> Result<Option<String>, StoreError> {
        let verdict = self.ask(QUICK)?;
        Ok((verdict != "ok").then_some(verdict))
    }

    fn check(&mut self) -> Result<(), StoreError> {
        if !self.in_place() {
            return Err(StoreError::Gone);
        }
        // Dropped, it rolls back.
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if self.failed || room::is_scarce(&self.path) {
            // Whether a commit fits into what the log has already, only a
            // commit can tell: the format's own number is written over itself.
            transaction.pragma_update(None, "user_version", KNOWN)?;
            transaction.commit()?;
            self.failed = false;
        }
        Ok(())
    }
}

fn inodes(path: &Path) -> [Option<u64>; 2] {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    [path, Path::new(&log)].map(|path| fs::metadata(path).map(|metadata| metadata.ino()).ok())
}

/// Moves commits from the log into the file and both to the disk, so that a
/// power cut costs a second at most. It has a connection of its own: a
/// checkpoint waits for the disk, and the writer must not.
#[derive(Debug, Clone)]
pub struct Checkpointer {
    path: PathBuf,
}

impl Checkpointer {
    /// One checkpoint; whether everything is in the file now. Blocks for as
    /// long as the disk takes.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`], also when the file is gone.
    pub fn run(&self) -> Result<bool, StoreError> {
        let connection = Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // Three numbers: whether it was kept from it, pages in the log, pages moved.
        let whole = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
            Ok(row.get::<_, i64>(0)? == 0 && row.get::<_, i64>(1)? == row.get::<_, i64>(2)?)
        })?;
        Ok(whole)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

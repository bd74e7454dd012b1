//! The thing that saves the registry. One writer; what it has committed is
//! there after kill -9.

mod inspect;
mod log;
mod migrations;
mod room;
mod rows;
mod sqlite;
mod unsaved;

use std::path::PathBuf;

pub use sqlite::{Checkpointer, Durability, Opened, SqliteStore};
pub use unsaved::Unsaved;

use crate::registry::{Change, Registry};

/// Saves changes; behind a trait so that tests can make it fail.
pub trait Store: Send {
    /// All changes or none. When this returns, they are saved.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is saved.
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError>;

    /// Makes the saved registry equal to `registry`, in a new file if the old
    /// one was taken away. This is the way back from [`StoreError::Gone`].
    ///
    /// # Errors
    /// [`StoreError`]; then the store stays as it was.
    fn rewrite(&mut self, registry: &Registry) -> Result<(), StoreError>;

    /// Whether the file in its place is still the one that is written to.
    fn in_place(&self) -> bool;

    /// Whether a commit would succeed now. It changes nothing.
    ///
    /// # Errors
    /// [`StoreError`], as the commit would give.
    fn check(&mut self) -> Result<(), StoreError>;

    /// Whether what is saved is whole; else what is wrong with it. Reads all
    /// of it: tens of milliseconds for 10,000 leases.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    fn verify(&mut self) -> Result<Option<String>, StoreError>;

    /// What a commit survives from the next one on.
    ///
    /// # Errors
    /// [`StoreError`]; then it is as before.
    fn set_durability(&mut self, durability: Durability) -> Result<(), StoreError>;
}

/// Why a registry cannot be opened, read or saved.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite or the disk under it refuses.
    #[error("the registry cannot be saved")]
    Sqlite(#[from] rusqlite::Error),
    /// The file was deleted or replaced under the running daemon.
    #[error("the registry was removed from its place")]
    Gone,
    /// Written by a later version; left untouched.
    #[error(
        "the registry {} was written by a newer portlease (its format is {found}, this version knows {known}); \
         it was not touched: install that version again, or move the file away to begin afresh",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The latest format that we know.
        known: u32,
    },
    /// The file cannot be read or moved.
    #[error("the registry {} cannot be opened", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A row that no version of ours writes.
    #[error("the registry has a row that makes no sense: {0}")]
    Row(String),
}

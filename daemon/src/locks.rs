//! The lock files that keep a registry and a socket to one daemon.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use portlease_proto::Paths;

use crate::private::{self, PrivateError};

/// The lock files of one daemon: beside the socket and beside the registry,
/// which may lie in different directories.
#[derive(Debug)]
pub struct Locks {
    held: [(PathBuf, File); 2],
}

impl Locks {
    /// Takes both.
    ///
    /// # Errors
    /// [`PrivateError::Locked`] when a daemon is there, perhaps out of our
    /// sight (in another network namespace).
    pub fn take(paths: &Paths) -> Result<Self, PrivateError> {
        let take = |path: PathBuf| private::lock(&path).map(|file| (path, file));
        Ok(Self { held: [take(paths.registry_lock())?, take(paths.lock())?] })
    }

    /// Whether the files that are locked are still the ones in their places.
    #[must_use]
    pub fn in_place(&self) -> bool {
        self.held.iter().all(is_in_place)
    }

    /// Takes those again whose files were deleted. The others must stay: a
    /// second lock on one file would wait for our own first one.
    ///
    /// # Errors
    /// [`PrivateError::Locked`] when another daemon was quicker.
    pub fn retake(&mut self) -> Result<(), PrivateError> {
        for held in self.held.iter_mut().filter(|held| !is_in_place(held)) {
            held.1 = private::lock(&held.0)?;
        }
        Ok(())
    }
}

fn is_in_place((path, file): &(PathBuf, File)) -> bool {
    inode(path).is_some() && inode(path) == file.metadata().map(|metadata| metadata.ino()).ok()
}

/// The number of a file, by which it is told from one that took its name.
pub(crate) fn inode(path: &Path) -> Option<u64> {
    fs::symlink_metadata(path).map(|metadata| metadata.ino()).ok()
}

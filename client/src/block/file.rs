//! The file that the block is in: replaced as a whole, by renaming.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{Damaged, replace};
use crate::files::{beside, target};

/// The longest file that is changed; those that are meant have a few lines.
const LONGEST: u64 = 1 << 20;

/// Why a file was left as it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("{} was left as it is: {why}", path.display())]
    Damaged { path: PathBuf, why: Damaged },
    #[error("{} is no file that could be updated", path.display())]
    NoFile { path: PathBuf },
    #[error("{} is longer than 1 MiB, so it was left as it is", path.display())]
    Long { path: PathBuf },
    #[error("{} was changed by somebody else just now, so it was left as it is", path.display())]
    Changed { path: PathBuf },
    #[error("{} cannot be written", path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// Brings the block in the file at `path` up to date; whether that changed
/// anything. A symbolic link is followed, mode and owner stay, and no reader
/// ever sees half of it.
pub(crate) fn update(path: &Path, lines: &str) -> Result<bool, FileError> {
    let io = |source| FileError::Io { path: path.to_owned(), source };
    let target = target(path).map_err(io)?;
    let before = read(&target).map_err(io)?;
    let (metadata, text) = match &before {
        Some((metadata, _)) if !metadata.is_file() => {
            return Err(FileError::NoFile { path: path.to_owned() });
        }
        Some((metadata, _)) if metadata.len() > LONGEST => {
            return Err(FileError::Long { path: path.to_owned() });
        }
        Some((metadata, text)) => (Some(metadata), text.as_slice()),
        None => (None, &[][..]),
    };
    let new = replace(text, lines).map_err(|why| FileError::Damaged { path: path.to_owned(), why })?;
    if metadata.is_some() && new == text {
        return Ok(false);
    }
    let temp = beside(&target, &new, metadata).map_err(io)?;
    if stamp(fs::metadata(&target).ok().as_ref()) != stamp(metadata) {
        return Err(FileError::Changed { path: path.to_owned() });
    }
    temp.persist(&target).map_err(|error| io(error.error))?;
    Ok(true)
}

/// What is there. Only a file is read: a pipe would be waited for.
fn read(target: &Path) -> io::Result<Option<(Metadata, Vec<u8>)>> {
    let metadata = match fs::metadata(target) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let text = match metadata.is_file() && metadata.len() <= LONGEST {
        true => fs::read(target)?,
        false => Vec::new(),
    };
    Ok(Some((metadata, text)))
}

/// What differs when somebody else has changed a file.
fn stamp(metadata: Option<&Metadata>) -> Option<(u64, u64, i64, i64)> {
    metadata.map(|metadata| (metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
}

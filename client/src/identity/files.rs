//! The file system, as far as the walk needs it.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// The longest file that is read: the manifest is a page, `.git` a line.
const LONGEST: u64 = 1 << 20;

/// What is read on the way up.
pub(super) trait Files {
    /// The text of a file, or none if there is no such file.
    fn text(&self, path: &Path) -> io::Result<Option<String>>;

    /// Whether there is such a file or directory.
    fn exists(&self, path: &Path) -> bool;

    /// The owner of a file whose word does not count here.
    fn stranger(&self, path: &Path) -> Option<u32>;
}

/// The real one.
pub(super) struct SystemFiles {
    start: PathBuf,
}

impl SystemFiles {
    /// For a walk that begins at `start`.
    pub(super) fn of(start: &Path) -> Self {
        Self { start: start.to_owned() }
    }
}

impl Files for SystemFiles {
    fn text(&self, path: &Path) -> io::Result<Option<String>> {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if is_absence(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        // A pipe would be waited for.
        if !metadata.is_file() {
            return Ok(None);
        }
        if metadata.len() > LONGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        fs::read_to_string(path).map(Some)
    }

    fn exists(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok()
    }

    fn stranger(&self, path: &Path) -> Option<u32> {
        let owner = |path: &Path| fs::metadata(path).map(|metadata| metadata.uid()).ok();
        let trusted = [Some(rustix::process::geteuid().as_raw()), Some(0), owner(&self.start)];
        owner(path).filter(|uid| !trusted.contains(&Some(*uid)))
    }
}

/// No such file, or a directory on the way that is a file.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

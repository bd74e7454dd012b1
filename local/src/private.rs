//! Directories and files that are this user's alone.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, Mode, OFlags, fchmod, flock};

/// A place that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PrivateError {
    /// It cannot be made, opened or read.
    #[error("{} cannot be used", path.display())]
    Io {
        /// The directory or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It belongs to somebody else.
    #[error("{} belongs to user {uid}, not to this user ({ours})", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// Its owner.
        uid: u32,
        /// This user.
        ours: u32,
    },
    /// Others may enter or write it.
    #[error("{} is open to other users (mode {mode:04o}): run chmod 700 {}", path.display(), path.display())]
    Open {
        /// The directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Another process has it locked.
    #[error("{} is locked by another process", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
}

/// Makes the directory with mode 0700, or checks that it is this user's and
/// nobody else's. One that is ours and empty, or has nothing but the
/// configuration in it, was made for us with the usual umask and is closed.
///
/// # Errors
/// [`PrivateError`], which says which path.
pub fn directory(path: &Path) -> Result<(), PrivateError> {
    let io = |source| PrivateError::Io { path: path.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io)?;
    let dir = File::options()
        .read(true)
        .custom_flags((OFlags::NOFOLLOW | OFlags::DIRECTORY).bits().cast_signed())
        .open(path)
        .map_err(io)?;
    let metadata = dir.metadata().map_err(io)?;
    let ours = rustix::process::geteuid().as_raw();
    if metadata.uid() != ours {
        return Err(PrivateError::Foreign { path: path.to_owned(), uid: metadata.uid(), ours });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    if !is_unused(path).map_err(io)? {
        return Err(PrivateError::Open { path: path.to_owned(), mode });
    }
    fchmod(&dir, Mode::RWXU).map_err(|errno| io(errno.into()))
}

fn is_unused(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        if entry?.file_name() != "config.toml" {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Opens a file with mode 0600, for `how`; never through a symbolic link.
///
/// # Errors
/// [`PrivateError::Io`].
pub fn open(path: &Path, how: &mut OpenOptions) -> Result<File, PrivateError> {
    how.create(true)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
        .map_err(|source| PrivateError::Io { path: path.to_owned(), source })
}

/// Locks a file for as long as the answer lives, or says that another has it.
///
/// # Errors
/// [`PrivateError::Locked`], [`PrivateError::Io`].
pub fn lock(path: &Path) -> Result<File, PrivateError> {
    let file = open(path, File::options().write(true))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(PrivateError::Locked { path: path.to_owned() }),
        Err(errno) => Err(PrivateError::Io { path: path.to_owned(), source: errno.into() }),
    }
}

/// Replaces a file in one step: nobody ever reads half of it.
///
/// # Errors
/// [`PrivateError::Io`].
pub fn replace(path: &Path, content: &[u8]) -> Result<(), PrivateError> {
    let io = |source| PrivateError::Io { path: path.to_owned(), source };
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut file = open(Path::new(&beside), File::options().write(true).truncate(true))?;
    file.write_all(content).map_err(io)?;
    fs::rename(&beside, path).map_err(io)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn made_with_its_parents_and_closed() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a/b");
        directory(&path).unwrap();
        assert_eq!((mode(&path), mode(&temp.path().join("a"))), (0o700, 0o700));
        directory(&path).unwrap();
    }

    #[test]
    fn an_unused_directory_is_closed_and_a_used_one_refused() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("home");
        fs::create_dir(&path).unwrap();
        File::create(path.join("config.toml")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        directory(&path).unwrap();
        assert_eq!(mode(&path), 0o700);

        File::create(path.join("registry.db")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
        let error = directory(&path).unwrap_err();
        assert!(error.to_string().contains("chmod 700"), "{error}");
        assert_eq!(mode(&path), 0o750);
    }

    #[test]
    #[ignore = "needs root: .ci/run runs it"]
    fn another_users_directory_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        std::os::unix::fs::chown(temp.path(), Some(65_534), None).unwrap();
        let error = directory(temp.path()).unwrap_err();
        assert!(matches!(error, PrivateError::Foreign { uid: 65_534, ours: 0, .. }), "{error}");
    }

    #[test]
    fn neither_a_link_nor_a_file_will_do() {
        let temp = tempfile::tempdir().unwrap();
        let (link, file) = (temp.path().join("link"), temp.path().join("file"));
        fs::create_dir(temp.path().join("real")).unwrap();
        symlink(temp.path().join("real"), &link).unwrap();
        File::create(&file).unwrap();
        assert!(matches!(directory(&link), Err(PrivateError::Io { .. })));
        assert!(matches!(directory(&file), Err(PrivateError::Io { .. })));
    }

    #[test]
    fn one_lock_at_a_time() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("lock");
        let held = lock(&path).unwrap();
        assert!(matches!(lock(&path), Err(PrivateError::Locked { .. })));
        drop(held);
        assert!(lock(&path).is_ok());
    }

    #[test]
    fn replaced_whole() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("endpoint.json");
        replace(&path, b"a long first text").unwrap();
        replace(&path, b"short").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"short");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
    }
}

//! The API's Unix socket and the file that leads to it: ours, or a service
//! manager's, which outlives us.

use std::{
    fs, io,
    os::{
        fd::OwnedFd,
        unix::{
            fs::{MetadataExt, PermissionsExt},
            net::UnixListener,
        },
    },
    path::Path,
};

use rustix::{
    io::Errno,
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with},
};

use crate::locks::inode;

/// What is at the place of the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketFile {
    inode: u64,
    /// Made by this daemon, which takes it away at its end.
    ours: bool,
}

impl SocketFile {
    /// Listens at `path`. Our lock says that a socket in its place is nobody's.
    ///
    /// # Errors
    /// As the system calls.
    pub fn make(path: &Path) -> io::Result<(UnixListener, Self)> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        // The umask leaves 0700.
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        let inode = inode(path).ok_or(io::ErrorKind::NotFound)?;
        Ok((listener, Self { inode, ours: true }))
    }

    /// The file of a listener that a service manager made; none when it does not
    /// lead there any more, because somebody deleted it.
    ///
    /// # Errors
    /// When it is another user's; as the system calls.
    pub fn passed(path: &Path) -> io::Result<Option<Self>> {
        let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(None) };
        if !leads_somewhere(path)? {
            return Ok(None);
        }
        let ours = rustix::process::geteuid().as_raw();
        if metadata.uid() != ours {
            let why = format!("it belongs to user {}, not to this user ({ours})", metadata.uid());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
        // Its directory keeps others out already; no manager's umask is to matter.
        if metadata.mode() & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        }
        Ok(Some(Self { inode: metadata.ino(), ours: false }))
    }

    /// Whether it is still the file at `path`.
    #[must_use]
    pub fn in_place(self, path: &Path) -> bool {
        inode(path) == Some(self.inode)
    }

    /// Leaves no file that leads nowhere, and takes nobody else's away.
    pub fn clear_away(self, path: &Path) {
        if self.ours && self.in_place(path) {
            let _may_be_gone = fs::remove_file(path);
        }
    }
}

/// Whether somebody listens there; while we have the lock, that is whoever keeps
/// the listener that we were given.
fn leads_somewhere(path: &Path) -> io::Result<bool> {
    // The place is in the backlog even before anybody accepts; when there is
    // none left, nothing should wait for it.
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let stream: OwnedFd = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    match connect(&stream, &SocketAddrUnix::new(path)?) {
        Ok(()) | Err(Errno::AGAIN) => Ok(true),
        Err(Errno::CONNREFUSED | Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_goes_with_us_and_a_managers_stays() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("s");
        let (_listener, ours) = SocketFile::make(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        let passed = SocketFile::passed(&path).unwrap().unwrap();
        assert!(ours.in_place(&path) && passed.in_place(&path));
        passed.clear_away(&path);
        assert!(path.exists());
        ours.clear_away(&path);
        assert!(!path.exists());
    }

    #[test]
    fn whoever_took_its_place_keeps_it() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("s");
        let (_first, before) = SocketFile::make(&path).unwrap();
        // Both there at once, so that they cannot have one number.
        fs::rename(&path, temp.path().join("old")).unwrap();
        let (_second, now) = SocketFile::make(&path).unwrap();
        assert!(!before.in_place(&path));
        before.clear_away(&path);
        assert!(now.in_place(&path));
    }

    #[test]
    fn one_that_leads_nowhere_is_none() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("s");
        assert_eq!(SocketFile::passed(&path).unwrap(), None);
        let (listener, _) = SocketFile::make(&path).unwrap();
        drop(listener);
        assert!(path.exists());
        assert_eq!(SocketFile::passed(&path).unwrap(), None);
    }

    #[test]
    #[ignore = "needs root: .ci/run runs it"]
    fn another_users_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("s");
        let (_listener, _) = SocketFile::make(&path).unwrap();
        std::os::unix::fs::chown(&path, Some(65_534), None).unwrap();
        let error = SocketFile::passed(&path).unwrap_err();
        assert!(error.to_string().contains("user 65534"), "{error}");
    }

    #[test]
    fn one_that_is_open_to_others_is_closed() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("s");
        let (_listener, _) = SocketFile::make(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(SocketFile::passed(&path).unwrap().is_some());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    }
}

//! The sockets of the places that are served.

use std::{
    fs::{self, File},
    io,
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::UnixListener,
    },
    path::{Path, PathBuf},
};

use portlease_proto::Port;
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with},
};
use tokio::{net::TcpListener, task::AbortHandle};

use super::{Address, CompatError};
use crate::{
    api_port::{self, Listening},
    locks::inode,
};

/// The listeners of one place, as long as this lives.
pub(super) struct Listeners {
    accepting: Vec<AbortHandle>,
    _file: Option<SocketFile>,
}

impl Listeners {
    pub(super) fn new(accepting: Vec<AbortHandle>, file: Option<SocketFile>) -> Self {
        Self { accepting, _file: file }
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        for accepting in &self.accepting {
            accepting.abort();
        }
    }
}

/// A socket in the file system that is ours: taken away at the end, unless
/// another one is in its place by then.
pub(super) struct SocketFile {
    path: PathBuf,
    inode: Option<u64>,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if inode(&self.path) == self.inode {
            let _may_be_gone = fs::remove_file(&self.path);
        }
    }
}

fn failed(address: &Address) -> impl Fn(io::Error) -> CompatError + use<> {
    let address = address.to_string();
    move |source| match source.kind() {
        io::ErrorKind::AddrInUse => CompatError::Taken { address: address.clone() },
        _ => CompatError::Io { address: address.clone(), source },
    }
}

/// Both loopback addresses of a port, or neither.
pub(super) fn tcp(port: Port) -> Result<Vec<TcpListener>, CompatError> {
    let address = Address::Tcp(port);
    let Listening { listeners } = api_port::listen_on(port).map_err(failed(&address))?;
    listeners.into_iter().map(|listener| TcpListener::from_std(listener).map_err(failed(&address))).collect()
}

/// A name that the kernel frees when its holder ends.
pub(super) fn named(name: &str) -> Result<tokio::net::UnixListener, CompatError> {
    let failed = failed(&Address::Abstract(name.to_owned()));
    ready(bind_name(name).map_err(&failed)?).map_err(failed)
}

#[cfg(target_os = "linux")]
fn bind_name(name: &str) -> io::Result<UnixListener> {
    use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};
    UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?)
}

#[cfg(not(target_os = "linux"))]
fn bind_name(_name: &str) -> io::Result<UnixListener> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "only Linux has names like that: use a path"))
}

/// A path, where a socket that nobody serves any more is replaced.
pub(super) fn at(path: &Path) -> Result<(tokio::net::UnixListener, SocketFile), CompatError> {
    let address = Address::Path(path.to_owned());
    let failed = failed(&address);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let directory = File::open(parent).map_err(&failed)?;
    // Of two that find the same stale socket, one would remove what the other
    // has just made. Closing the directory lets go of it.
    match flock(&directory, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => return Err(CompatError::Taken { address: address.to_string() }),
        locked => locked.map_err(|errno| failed(errno.into()))?,
    }
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            remove_stale(path, &address)?;
            UnixListener::bind(path)
        }
        bound => bound,
    };
    let listener = listener.map_err(&failed)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(&failed)?;
    let file = SocketFile { path: path.to_owned(), inode: inode(path) };
    Ok((ready(listener).map_err(failed)?, file))
}

fn remove_stale(path: &Path, address: &Address) -> Result<(), CompatError> {
    let failed = failed(address);
    if !fs::symlink_metadata(path).map_err(&failed)?.file_type().is_socket() {
        return Err(CompatError::NoSocket { address: address.to_string() });
    }
    match knock(path) {
        Err(Errno::CONNREFUSED) => fs::remove_file(path).map_err(failed),
        // A queue that is full is somebody's, too.
        Ok(()) | Err(Errno::AGAIN) => Err(CompatError::Taken { address: address.to_string() }),
        Err(errno) => Err(failed(errno.into())),
    }
}

fn knock(path: &Path) -> Result<(), Errno> {
    let socket = socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        None,
    )?;
    connect(&socket, &SocketAddrUnix::new(path)?)
}

/// Suites begin all at once: many may wait to be accepted.
fn ready(listener: UnixListener) -> io::Result<tokio::net::UnixListener> {
    rustix::net::listen(&listener, 1024)?;
    listener.set_nonblocking(true)?;
    tokio::net::UnixListener::from_std(listener)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    fn path() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ports");
        (dir, path)
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let (_dir, path) = path();
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "a listener leaves its file");
        let (listener, file) = at(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(at(&path), Err(CompatError::Taken { .. })));
        UnixStream::connect(&path).unwrap();
        drop((listener, file));
        assert!(!path.exists(), "it is taken away at the end");
    }

    #[tokio::test]
    async fn what_is_no_socket_stays() {
        let (_dir, path) = path();
        File::create(&path).unwrap();
        assert!(matches!(at(&path), Err(CompatError::NoSocket { .. })));
        assert!(path.exists());
    }

    #[tokio::test]
    async fn of_two_that_begin_at_once_one_waits_its_turn() {
        let (dir, path) = path();
        let directory = File::open(dir.path()).unwrap();
        flock(&directory, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert!(matches!(at(&path), Err(CompatError::Taken { .. })));
        drop(directory);
        at(&path).unwrap();
    }

    #[tokio::test]
    async fn the_file_of_a_successor_stays() {
        let (_dir, path) = path();
        let (_listener, file) = at(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let (_next, _next_file) = at(&path).unwrap();
        drop(file);
        assert!(path.exists());
    }
}

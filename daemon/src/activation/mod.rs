//! Listeners that a service manager made and keeps: whoever asks while no daemon
//! runs waits there until one does.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as platform;

#[cfg(test)]
mod tests;

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    os::{fd::OwnedFd, unix::net::UnixListener},
    path::{Path, PathBuf},
};

use portlease_proto::Port;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, getsockname, sockopt};

/// The name of the Unix socket with a service manager.
const UNIX: &str = "unix";
/// That of both TCP sockets.
const TCP: &str = "tcp";

/// The listeners that were passed to this process; perhaps none.
#[derive(Debug, Default)]
pub struct Passed {
    /// At the place of the API's Unix socket, or that was there when it was made.
    pub unix: Option<UnixListener>,
    /// On 127.0.0.1, `[::1]` or both, all on one port.
    pub tcp: Vec<TcpListener>,
}

/// Listeners that were passed and that the daemon does not serve on.
#[derive(Debug, thiserror::Error)]
pub enum ActivationError {
    /// What was passed cannot be found.
    #[error("the sockets of the service manager cannot be taken")]
    Unreadable(#[from] io::Error),
    /// One is not what the API listens on.
    #[error("the service manager passed {name:?}, which is of no use: {why}")]
    Useless {
        /// Its name with the service manager.
        name: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Passed {
    /// Takes what was passed to this process. `socket` is where clients look.
    /// To be called once, and before anything else is opened.
    ///
    /// # Errors
    /// [`ActivationError`], which names the socket.
    pub fn take(socket: &Path) -> Result<Self, ActivationError> {
        Self::of(platform::passed()?, socket)
    }

    fn of(passed: Vec<(String, OwnedFd)>, socket: &Path) -> Result<Self, ActivationError> {
        let mut sorted = Self::default();
        for (name, file) in passed {
            let added = match name.as_str() {
                UNIX => sorted.add_unix(file, socket),
                TCP => sorted.add_tcp(file),
                _ => Err(format!("only {UNIX:?} and {TCP:?} are known")),
            };
            added.map_err(|why| ActivationError::Useless { name, why })?;
        }
        sorted.tcp.sort_by_key(|listener| listener.local_addr().is_ok_and(|address| address.is_ipv6()));
        Ok(sorted)
    }

    /// Whether a service manager keeps any of our sockets.
    #[must_use]
    pub fn any(&self) -> bool {
        self.unix.is_some() || !self.tcp.is_empty()
    }

    /// The port of the TCP listeners.
    #[must_use]
    pub fn port(&self) -> Option<Port> {
        self.tcp.first().and_then(port_of)
    }

    fn add_unix(&mut self, file: OwnedFd, socket: &Path) -> Result<(), String> {
        if listener(&file)? != AddressFamily::UNIX {
            return Err("it is no Unix socket".to_owned());
        }
        let place = place_of(&file).ok_or("it has no place in the file system")?;
        if !is_same(&place, socket) {
            return Err(format!("it is {}, and clients look at {}", place.display(), socket.display()));
        }
        if self.unix.replace(file.into()).is_some() {
            return Err("there is more than one".to_owned());
        }
        Ok(())
    }

    fn add_tcp(&mut self, file: OwnedFd) -> Result<(), String> {
        if !matches!(listener(&file)?, AddressFamily::INET | AddressFamily::INET6) {
            return Err("it is no TCP socket".to_owned());
        }
        if sockopt::socket_reuseport(&file).unwrap_or_default() {
            return Err("others may listen there as well (ReusePort)".to_owned());
        }
        let listener = TcpListener::from(file);
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        // Nobody but this machine is served, whatever a unit says.
        if address.ip() != Ipv4Addr::LOCALHOST && address.ip() != Ipv6Addr::LOCALHOST {
            return Err(format!("it listens on {address}, and the API is on 127.0.0.1 and [::1] alone"));
        }
        if self.port().is_some_and(|port| port.get() != address.port()) {
            return Err("they are on different ports".to_owned());
        }
        let same = |other: &TcpListener| other.local_addr().is_ok_and(|other: SocketAddr| other == address);
        if self.tcp.iter().any(same) {
            return Err(format!("there is more than one on {address}"));
        }
        self.tcp.push(listener);
        Ok(())
    }
}

/// The family of a socket that takes connections.
fn listener(file: &OwnedFd) -> Result<AddressFamily, String> {
    let kind = sockopt::socket_type(file).map_err(|_| "it is no socket")?;
    if kind != SocketType::STREAM || !listens(file) {
        return Err("it takes no connections".to_owned());
    }
    getsockname(file).map(|address| address.address_family()).map_err(|errno| errno.to_string())
}

#[cfg(target_os = "linux")]
fn listens(file: &OwnedFd) -> bool {
    sockopt::socket_acceptconn(file).unwrap_or_default()
}

/// macOS does not tell; launchd listens before it starts anything.
#[cfg(not(target_os = "linux"))]
fn listens(_file: &OwnedFd) -> bool {
    true
}

fn place_of(file: &OwnedFd) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    let address = SocketAddrUnix::try_from(getsockname(file).ok()?).ok()?;
    Some(PathBuf::from(std::ffi::OsStr::from_bytes(address.path_bytes()?)))
}

/// One name in one directory, by whatever way it is reached.
fn is_same(one: &Path, other: &Path) -> bool {
    let directory = |path: &Path| path.parent().and_then(|parent| std::fs::canonicalize(parent).ok());
    one.file_name() == other.file_name() && directory(one).is_some_and(|dir| Some(dir) == directory(other))
}

fn port_of(listener: &TcpListener) -> Option<Port> {
    listener.local_addr().ok().and_then(|address| Port::new(address.port()))
}

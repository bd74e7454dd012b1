//! One daemon per registry. Lock files can be deleted together with the
//! directory they lie in; a name in the kernel cannot. So the daemon also
//! listens on an abstract Unix socket named after the user and the state
//! directory, and a second daemon that finds it there knocks and goes: the
//! knock tells the first one to put its files back in their places.

use std::{io, path::Path};

use tokio::net::UnixListener;

/// Another daemon serves this registry.
#[derive(Debug, thiserror::Error)]
#[error("a daemon for this registry is running already: see portlease status")]
pub struct Running;

/// The name of this daemon in the kernel.
#[derive(Debug)]
pub struct Instance {
    listener: Option<UnixListener>,
}

impl Instance {
    /// Takes the name. Where another user has taken it to keep us out, or
    /// where there are no such names, the lock files alone must do.
    ///
    /// # Errors
    /// [`Running`].
    pub fn take(state: &Path) -> Result<Self, Running> {
        match bind(state) {
            Ok(listener) => Ok(Self { listener: Some(listener) }),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && knock(state) => Err(Running),
            Err(error) => {
                tracing::warn!("the name that marks this daemon cannot be taken: {error}");
                Ok(Self { listener: None })
            }
        }
    }

    /// Waits until somebody looks for this daemon in vain.
    pub async fn knocked(&self) {
        match &self.listener {
            Some(listener) if listener.accept().await.is_ok() => {}
            // Nothing to accept with (no files left) would be an answer at once,
            // again and again: leave it to the keeper's own clock.
            Some(_) | None => std::future::pending().await,
        }
    }
}

/// FNV-1a: the same in every version, unlike the standard library's hasher.
#[cfg(target_os = "linux")]
pub(crate) fn name(state: &Path) -> io::Result<std::os::unix::net::SocketAddr> {
    use std::os::{linux::net::SocketAddrExt, unix::ffi::OsStrExt, unix::net::SocketAddr};
    let uid = rustix::process::geteuid().as_raw();
    let hash = state.as_os_str().as_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    SocketAddr::from_abstract_name(format!("portlease/daemon/{uid}/{hash:016x}"))
}

#[cfg(target_os = "linux")]
fn bind(state: &Path) -> io::Result<UnixListener> {
    let listener = std::os::unix::net::UnixListener::bind_addr(&name(state)?)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

/// Whether a process of this user is behind the name.
#[cfg(target_os = "linux")]
fn knock(state: &Path) -> bool {
    let stream = name(state).and_then(|name| std::os::unix::net::UnixStream::connect_addr(&name));
    let peer = stream.and_then(|stream| Ok(rustix::net::sockopt::socket_peercred(&stream)?));
    peer.is_ok_and(|peer| peer.uid == rustix::process::geteuid())
}

#[cfg(not(target_os = "linux"))]
fn bind(_state: &Path) -> io::Result<UnixListener> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
fn knock(_state: &Path) -> bool {
    false
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_daemon_knocks_and_goes() {
        let temp = tempfile::tempdir().unwrap();
        let first = Instance::take(temp.path()).unwrap();
        assert!(Instance::take(temp.path()).is_err());
        first.knocked().await;
        drop(first);
        assert!(Instance::take(temp.path()).is_ok());
    }
}

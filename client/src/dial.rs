//! Reaching a daemon that runs, and making sure that it is this user's before
//! anything is sent.

use std::{
    fmt, fs::File, io::Read, net::SocketAddr, os::unix::fs::MetadataExt, os::unix::fs::OpenOptionsExt,
    path::Path, path::PathBuf,
};

use portlease_local::{Token, network};
use portlease_proto::{Auth, Endpoint, Paths};
use rustix::fs::OFlags;
use tokio::net::{TcpStream, UnixStream};

use crate::{
    Client, Error,
    listener::{self, Listener},
};

/// Where a client is connected to, or was to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// The daemon's Unix socket.
    Unix(PathBuf),
    /// TCP on loopback.
    Tcp(SocketAddr),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => path.display().fmt(f),
            Self::Tcp(address) => address.fmt(f),
        }
    }
}

/// Where to look for the daemon.
#[derive(Debug, Clone)]
pub(crate) struct Dialer {
    pub(crate) paths: Paths,
    pub(crate) tcp: Option<SocketAddr>,
    pub(crate) token: Option<Token>,
}

impl Dialer {
    /// The Unix socket, else the TCP address that was published; or the one
    /// address that was asked for.
    pub(crate) async fn dial(&self) -> Result<Client, Error> {
        if self.tcp.is_some() {
            return self.dial_again().await;
        }
        match self.unix().await {
            Err(silent @ Error::NotRunning { .. }) => match endpoint(&self.paths) {
                Some(endpoint) => self.published(&endpoint, silent).await,
                None => Err(silent),
            },
            result => result,
        }
    }

    /// As [`Dialer::dial`], without what a daemon published that may be gone.
    pub(crate) async fn dial_again(&self) -> Result<Client, Error> {
        match self.tcp {
            Some(address) => {
                let stream = connect(address).await?;
                check(&stream, address).await?;
                self.greet(stream, address, endpoint(&self.paths).as_ref()).await
            }
            None => self.unix().await,
        }
    }

    /// Whether a daemon that is started could be the remedy. Whoever has the
    /// port that an earlier one published is no obstacle to the next one.
    pub(crate) fn is_worth_a_start(&self, error: &Error) -> bool {
        match error {
            Error::NotRunning { .. } => true,
            Error::ForeignListener { .. } | Error::UnknownListener { .. } => self.tcp.is_none(),
            _ => false,
        }
    }

    async fn unix(&self) -> Result<Client, Error> {
        let path = self.paths.socket();
        if !is_private(self.paths.runtime()) {
            return Err(Error::NotOurs { path: self.paths.runtime().to_owned() });
        }
        let address = Address::Unix(path.clone());
        let stream = match UnixStream::connect(&path).await {
            Ok(stream) => stream,
            Err(source) => return Err(Error::NotRunning { address, source }),
        };
        let peer = stream.peer_cred().ok().filter(|peer| peer.uid() == our_uid());
        let Some(peer) = peer else { return Err(Error::NotOurs { path }) };
        // The path of a socket leads out of a network namespace.
        let pid = peer.pid().and_then(|pid| u32::try_from(pid).ok());
        if let Some(pid) = pid.filter(|pid| network::is_elsewhere(*pid)) {
            return Err(Error::OtherNetwork { pid });
        }
        Client::over(stream, address, None).await
    }

    /// What listens there may be another program of this user by now, one that
    /// got the port of a daemon that is gone: then nobody answers, `silent`.
    async fn published(&self, endpoint: &Endpoint, silent: Error) -> Result<Client, Error> {
        let Some(address) = endpoint.addresses.first().and_then(|address| address.parse().ok()) else {
            return Err(silent);
        };
        let Ok(stream) = connect(address).await else { return Err(silent) };
        let inode = check(&stream, address).await?;
        if !listener::has_open(endpoint.pid, inode) {
            return Err(silent);
        }
        self.greet(stream, address, Some(endpoint)).await
    }

    /// From here on the other side is known to be this user's.
    async fn greet(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        endpoint: Option<&Endpoint>,
    ) -> Result<Client, Error> {
        let asks = |endpoint: &&Endpoint| {
            endpoint.auth != Auth::User && endpoint.addresses.contains(&address.to_string())
        };
        let token = match (&self.token, endpoint.filter(asks)) {
            (Some(token), _) => Some(token.clone()),
            (None, Some(_)) => Some(Token::read(&self.paths.token())?),
            (None, None) => None,
        };
        Client::over(stream, Address::Tcp(address), token.as_ref()).await
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, Error> {
    if !address.ip().is_loopback() {
        return Err(Error::UnknownListener { address, why: "it is not on this machine's loopback" });
    }
    let connected = TcpStream::connect(address).await;
    let stream = connected.map_err(|source| Error::NotRunning { address: Address::Tcp(address), source })?;
    // Without it a small request may wait for an acknowledgement.
    let _best_effort = stream.set_nodelay(true);
    Ok(stream)
}

/// Makes sure that the other end of a connection is this user's, and returns
/// the number of the socket that listens there.
async fn check(stream: &TcpStream, address: SocketAddr) -> Result<u64, Error> {
    let unknown = |why| Error::UnknownListener { address, why };
    let Ok(near) = stream.local_addr() else { return Err(unknown("the connection is gone")) };
    let found = tokio::task::spawn_blocking(move || listener::find(near, address, our_uid())).await;
    match found.unwrap_or(Listener::Unknown("the socket table could not be read")) {
        Listener::Ours { inode } => Ok(inode),
        Listener::Foreign { uid, inode } => Err(Error::ForeignListener { address, uid, inode }),
        Listener::Unknown(why) => Err(unknown(why)),
    }
}

/// What the daemon published; none unless the file is this user's alone.
fn endpoint(paths: &Paths) -> Option<Endpoint> {
    const MOST: u64 = 64 * 1024;
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(paths.endpoint()).ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.uid() != our_uid() || metadata.mode() & 0o077 != 0 {
        return None;
    }
    let mut text = Vec::new();
    file.take(MOST).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

/// A directory that is not there is nobody's, and connecting will say so.
fn is_private(directory: &Path) -> bool {
    std::fs::symlink_metadata(directory).map_or(true, |metadata| {
        metadata.is_dir() && metadata.uid() == our_uid() && metadata.mode() & 0o077 == 0
    })
}

fn our_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

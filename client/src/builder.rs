//! How to reach the daemon, step by step.

use std::{net::SocketAddr, path::PathBuf};

use portlease_local::{Token, paths};
use portlease_proto::Paths;

use crate::{Client, Error, autostart, dial::Dialer};

/// Says how a [`Client`] reaches the daemon; [`Client::builder`] begins one.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use portlease::{Client, proto::Paths};
///
/// // The daemon of a test, with everything under one directory.
/// let home = std::env::temp_dir().join("my-test");
/// let mut client = Client::builder()
///     .paths(Paths::under(&home))
///     .autostart(true)
///     .program("target/debug/portlease")
///     .connect()
///     .await?;
/// assert!(client.list(None).await?.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "nothing happens before `connect`"]
pub struct ClientBuilder {
    paths: Option<Paths>,
    tcp: Option<SocketAddr>,
    token: Option<Token>,
    autostart: bool,
    program: Option<PathBuf>,
}

impl ClientBuilder {
    /// Where the daemon's files are. Without this the environment says:
    /// `PORTLEASE_HOME`, else the user's own directories.
    pub fn paths(mut self, paths: Paths) -> Self {
        self.paths = Some(paths);
        self
    }

    /// Connects to this address of 127.0.0.0/8 or to `[::1]`, and never to the
    /// Unix socket. On Linux only: elsewhere nobody can tell whose it is, and
    /// connecting fails with [`Error::UnknownListener`].
    pub fn tcp(mut self, address: SocketAddr) -> Self {
        self.tcp = Some(address);
        self
    }

    /// The token to send over TCP. Without this it is read from the daemon's
    /// file when the daemon publishes that it asks for it.
    pub fn token(mut self, token: Token) -> Self {
        self.token = Some(token);
        self
    }

    /// Whether to start a daemon when none answers; off unless it is said. One
    /// daemon starts, however many clients want it at once, and it goes on
    /// when this process ends.
    pub fn autostart(mut self, autostart: bool) -> Self {
        self.autostart = autostart;
        self
    }

    /// The `portlease` program that starts a daemon. Without this it is this
    /// very program, if that is `portlease`, else the one on `PATH`.
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = Some(program.into());
        self
    }

    /// Connects. Must be called within a tokio runtime that has I/O and time
    /// enabled.
    ///
    /// # Errors
    /// [`Error::NotRunning`] when nobody answers, or with autostart
    /// [`Error::Start`]; [`Error::NotOurs`], [`Error::ForeignListener`] and
    /// [`Error::UnknownListener`] when the other side is not this user's daemon;
    /// [`Error::Token`], [`Error::NoHome`].
    pub async fn connect(self) -> Result<Client, Error> {
        let paths = self.paths.or_else(paths::from_env).ok_or(Error::NoHome)?;
        let dialer = Dialer { paths, tcp: self.tcp, token: self.token };
        match dialer.dial().await {
            Err(error) if self.autostart && dialer.is_worth_a_start(&error) => {
                autostart::start(&dialer, self.program).await
            }
            result => result,
        }
    }
}

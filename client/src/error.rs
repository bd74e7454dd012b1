//! What can go wrong between a client and the daemon.

use std::{io, net::SocketAddr, path::PathBuf};

use portlease_local::{TokenError, private::PrivateError};
use portlease_proto::Problem;

use crate::Address;

/// A request that was not granted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The environment names no home directory, so the daemon's files are
    /// nowhere: see [`ClientBuilder::paths`](crate::ClientBuilder::paths).
    #[error("there is no home directory")]
    NoHome,
    /// Nobody answers at the daemon's address.
    #[error("no daemon answers on {address}")]
    NotRunning {
        /// Where.
        address: Address,
        /// As the system call.
        source: io::Error,
    },
    /// The socket is another user's, or open to others; nothing was sent to it.
    #[error("{} is not this user's alone: nothing was sent to it", path.display())]
    NotOurs {
        /// The socket or its directory.
        path: PathBuf,
    },
    /// The daemon's ports are not those that this process sees; nothing was
    /// sent to it.
    #[error("the daemon (pid {pid}) runs in another network namespace, which has ports of its own")]
    OtherNetwork {
        /// The daemon.
        pid: u32,
    },
    /// Another user listens on the port; nothing was sent there.
    #[error("port {} belongs to user {uid}: nothing was sent to {address}", address.port())]
    ForeignListener {
        /// Where the client connected to.
        address: SocketAddr,
        /// Whose socket is there.
        uid: u32,
        /// The kernel's number of that socket; 0 when it does not tell.
        inode: u64,
    },
    /// Who listens on the port cannot be told; nothing was sent there.
    #[error("nothing was sent to {address}: {why}")]
    UnknownListener {
        /// Where the client was to connect to.
        address: SocketAddr,
        /// What is missing.
        why: &'static str,
    },
    /// The daemon asks for its token over TCP, and it is not to be had.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// No daemon runs, and none could be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The daemon refused.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
    /// The connection broke.
    #[error("the connection to the daemon broke")]
    Connection(#[from] hyper::Error),
    /// The daemon did not answer in time.
    #[error("the daemon did not answer within {seconds} s")]
    Silent {
        /// How long was waited.
        seconds: u64,
    },
    /// The answer is not one that a portlease daemon gives.
    #[error("the daemon's answer is not understood: {0}")]
    Garbled(String),
}

/// Why a daemon could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// One of its directories or files is not to be used.
    #[error(transparent)]
    Private(#[from] PrivateError),
    /// These are neither the directories that the environment names nor all
    /// under one `PORTLEASE_HOME`, and a daemon takes no others.
    #[error("no daemon can be started for a registry in {}", state.display())]
    Elsewhere {
        /// The directory of the registry.
        state: PathBuf,
    },
    /// The program cannot be run.
    #[error("{} cannot be run, which would start the daemon", program.display())]
    Program {
        /// The program, to be looked for on `PATH` if it has no directory.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It ended at once.
    #[error("the daemon does not start: {reason}")]
    Ended {
        /// What it said last.
        reason: String,
    },
    /// It runs, and does not answer.
    #[error("the daemon was started and does not answer within {seconds} s")]
    Late {
        /// How long was waited.
        seconds: u64,
        /// Where it may say why.
        log: PathBuf,
    },
}

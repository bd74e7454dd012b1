//! What can go wrong between a client and the daemon.

use std::{io, path::PathBuf};

use portlease_proto::Problem;

/// A request that was not granted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers on the daemon's socket.
    #[error("no daemon answers on {}", path.display())]
    NotRunning {
        /// The socket.
        path: PathBuf,
        /// As the system call.
        source: io::Error,
    },
    /// The socket is another user's; nothing was sent to it.
    #[error("{} belongs to another user: nothing was sent to it", path.display())]
    NotOurs {
        /// The socket or its directory.
        path: PathBuf,
    },
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

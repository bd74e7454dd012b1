//! Files that tell by being readable that something has happened.

use std::{future::pending, io, os::fd::OwnedFd};

use tokio::io::{Interest, unix::AsyncFd};

/// One such file.
pub struct Readable(AsyncFd<OwnedFd>);

impl Readable {
    /// That file. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// As the system call.
    pub fn of(file: OwnedFd) -> io::Result<Self> {
        // SAFETY: an OwnedFd is the only one that closes its file, and it names
        // the same file for as long as it lives.
        #[expect(unsafe_code, reason = "tokio cannot tell that an OwnedFd keeps to its file")]
        let file = unsafe { AsyncFd::register_with_interest(file, Interest::READABLE)? };
        Ok(Self(file))
    }

    /// Waits until there is something to read, and expects all of it to be
    /// read before it is called again.
    pub async fn rings(&self) {
        match self.0.readable().await {
            Ok(mut ringing) => ringing.clear_ready(),
            Err(_) => pending().await,
        }
    }
}

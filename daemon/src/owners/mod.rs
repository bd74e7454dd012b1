//! The processes that leases live and die with. They are watched, not polled,
//! and never known by a pid alone: it would name another process soon.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as platform;

use std::io;

pub use platform::SystemOwners;

use crate::registry::Owner;

/// Watches owners; behind a trait so that tests can let them live and die.
pub trait Owners: Send + Sync {
    /// The process that has this pid now.
    ///
    /// # Errors
    /// [`OwnerError`].
    fn find(&self, pid: u32) -> Result<Owner, OwnerError>;

    /// Begins to watch an owner, if it is not watched already.
    ///
    /// # Errors
    /// [`OwnerError::Ended`] also when another process has its pid now.
    fn watch(&self, owner: Owner) -> Result<(), OwnerError>;

    /// Watches it no longer.
    fn unwatch(&self, owner: Owner);

    /// Those that ended since the last call; they are not watched any longer.
    fn ended(&self) -> Vec<Owner>;
}

/// A process that cannot be an owner.
#[derive(Debug, thiserror::Error)]
pub enum OwnerError {
    /// It has ended, or there never was one.
    #[error("there is no such process")]
    Ended,
    /// The number is that of a thread.
    #[error("it is a thread, not a process")]
    Thread,
    /// No more files can be opened.
    #[error("the limit on open files is reached")]
    TooManyFiles,
    /// The kernel gives no answer.
    #[error("the process cannot be watched")]
    Call(#[source] io::Error),
}

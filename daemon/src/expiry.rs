//! Ends leases in their time: when a term is over, and when an owner ends.

use std::{future::pending, io, sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{manager::Manager, owners::SystemOwners};

/// How soon it tries again when a lease could not be ended, or where ends of
/// owners are not announced.
const AGAIN: Duration = Duration::from_millis(500);

/// What announces that an owner has ended.
pub struct Bell {
    #[cfg(target_os = "linux")]
    file: crate::readable::Readable,
}

impl Bell {
    /// That of these owners. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// As the system call.
    #[cfg(target_os = "linux")]
    pub fn of(owners: &SystemOwners) -> io::Result<Self> {
        Ok(Self { file: crate::readable::Readable::of(owners.bell()?)? })
    }

    /// There is none.
    ///
    /// # Errors
    /// None here.
    #[cfg(not(target_os = "linux"))]
    pub fn of(_owners: &SystemOwners) -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(target_os = "linux")]
    async fn rings(&self) {
        self.file.rings().await;
    }

    #[cfg(not(target_os = "linux"))]
    async fn rings(&self) {
        pause(AGAIN).await;
    }
}

/// Ends leases for as long as it runs. `events` tells of new leases, which may
/// end before those that are waited for.
pub async fn run(manager: Arc<Manager>, bell: Bell, mut events: watch::Receiver<u64>) {
    let mut said = false;
    loop {
        let next = match manager.expire() {
            Ok(next) => {
                said = false;
                next
            }
            Err(error) => {
                if !std::mem::replace(&mut said, true) {
                    tracing::error!("leases that are over cannot be ended: {error}");
                }
                Some(AGAIN)
            }
        };
        tokio::select! {
            () = bell.rings() => {}
            () = wait(next) => {}
            // Whoever publishes lives as long as the manager does.
            changed = events.changed() => if changed.is_err() { return },
        }
    }
}

async fn wait(next: Option<Duration>) {
    match next {
        Some(time) => pause(time).await,
        None => pending().await,
    }
}

async fn pause(time: Duration) {
    #[expect(clippy::disallowed_methods, reason = "a term is nothing but time")]
    tokio::time::sleep(time).await;
}

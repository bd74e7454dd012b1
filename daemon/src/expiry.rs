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
            Ok(Some(Duration::ZERO)) => {
                // More are over: those who wait on this thread come first.
                tokio::task::yield_now().await;
                continue;
            }
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

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::num::NonZeroU32;

    use portlease_proto::{AnonymousRequest, PortRange};

    use super::*;
    use crate::{allocator::Pool, doubles::Doubles, manager::Settings};

    #[tokio::test]
    async fn others_have_their_turn_while_a_crowd_ends() {
        let doubles = Doubles::default();
        let pool = Pool::from("20000-20999".parse::<PortRange>().unwrap());
        let manager = Arc::new(doubles.manager_with(Settings { pool, ..Settings::default() }));
        doubles.owners.begin(7);
        let (count, owner_pid) = (NonZeroU32::new(800), NonZeroU32::new(7));
        manager.get_anonymous(&AnonymousRequest { count, owner_pid, ..AnonymousRequest::default() }).unwrap();
        doubles.owners.end(7);

        let bell = Bell::of(&SystemOwners::new().unwrap()).unwrap();
        let running = tokio::spawn(run(manager.clone(), bell, doubles.events.watch()));
        let mut turns = 0;
        while !manager.is_empty() {
            tokio::task::yield_now().await;
            turns += 1;
        }
        assert!(turns > 4, "after {turns} turns all were gone");
        running.abort();
    }
}

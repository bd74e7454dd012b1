//! Looks at the ports of leases all the time, so that whoever listens to the
//! events learns who came and who went.

use std::{sync::Arc, time::Duration};

use crate::{
    events::Events,
    manager::{Error, Manager},
};

/// From one look to the next while somebody listens to the events.
const LISTENED_TO: Duration = Duration::from_millis(50);
/// The same while nobody does.
const AT_REST: Duration = Duration::from_millis(900);

/// Looks for as long as it runs.
pub async fn run(manager: Arc<Manager>, events: Arc<Events>) {
    let mut said = false;
    loop {
        match look(&manager).await {
            Ok(()) => said = false,
            Err(error) if !said => {
                tracing::error!("who comes to the ports of leases cannot be seen: {error}");
                said = true;
            }
            Err(_) => {}
        }
        let pause = if events.streams() > 0 { LISTENED_TO } else { AT_REST };
        #[expect(clippy::disallowed_methods, reason = "the kernel does not tell who begins to listen")]
        let pause = tokio::time::sleep(pause);
        tokio::select! {
            () = pause => {}
            () = events.stream_opened() => {}
        }
    }
}

async fn look(manager: &Arc<Manager>) -> Result<(), Error> {
    let changed = manager.glance()?;
    if changed.is_empty() {
        return Ok(());
    }
    let manager = manager.clone();
    // A panic there is in the log; the next look is another one.
    tokio::task::spawn_blocking(move || manager.look_closer(changed)).await.unwrap_or(Ok(()))
}

//! Looks from time to time whether the roots of leases are there: nobody tells
//! when a directory goes.

use std::{sync::Arc, time::Duration};

use crate::manager::{Error, Manager};

/// From one look to the next. A root that is away for less may not be missed.
const PAUSE: Duration = Duration::from_mins(1);

/// Looks for as long as it runs.
pub async fn run(manager: Arc<Manager>) {
    let mut said = false;
    loop {
        match look(&manager).await {
            Ok(()) => said = false,
            Err(error) if !std::mem::replace(&mut said, true) => {
                tracing::error!("which roots are gone cannot be noted: {error}");
            }
            Err(_) => {}
        }
        #[expect(clippy::disallowed_methods, reason = "file systems do not tell what is unmounted or moved")]
        tokio::time::sleep(PAUSE).await;
    }
}

async fn look(manager: &Arc<Manager>) -> Result<(), Error> {
    let manager = manager.clone();
    // A panic there is in the log; the next look is another one.
    tokio::task::spawn_blocking(move || manager.look_for_roots()).await.unwrap_or(Ok(()))
}

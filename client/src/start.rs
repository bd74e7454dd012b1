//! Reaching the daemon for a command, and what is said about it.

use std::time::Duration;

use portlease::{Client, Error};
use portlease_proto::Paths;

use crate::{
    exit::{Exit, Failure},
    output,
};

/// How long a question may go from one dying daemon to the next.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often.
const STEP: Duration = Duration::from_millis(2);

/// Asks the daemon something that may be asked twice. A daemon that is being
/// killed takes connections until the kernel has closed its last socket, and
/// answers none of them: then the question goes to the next one.
pub(crate) async fn ask<T>(
    paths: &Paths,
    question: impl AsyncFn(&mut Client) -> Result<T, Error>,
) -> Result<T, Failure> {
    let asking = async {
        loop {
            match question(&mut connect(paths).await?).await {
                #[expect(clippy::disallowed_methods, reason = "there is nothing to wait for but time")]
                Err(Error::Connection(_)) => tokio::time::sleep(STEP).await,
                answer => return Ok(answer?),
            }
        }
    };
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(answer) => answer,
        Err(_) => Err(Failure::new(Exit::Unreachable, "every connection to the daemon breaks")
            .hint(format!("see {}", paths.log().display()))),
    }
}

/// A connection to the daemon, which is started if need be.
pub(crate) async fn connect(paths: &Paths) -> Result<Client, Failure> {
    let autostart = std::env::var_os("PORTLEASE_NO_AUTOSTART").is_none();
    let this = std::env::current_exe().map_err(|error| Failure::from_chain(Exit::Unreachable, &error))?;
    let builder = Client::builder().paths(paths.clone()).autostart(autostart).program(this);
    let mut client = builder.connect().await?;
    // What the first one to reach a new daemon should tell its user.
    if client.started_daemon() {
        for notice in client.health().await?.notices {
            output::note(&notice);
        }
    }
    Ok(client)
}

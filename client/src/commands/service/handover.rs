//! From a daemon that a command started to that of the service, and back:
//! nobody starts another one meanwhile, and whoever asks waits.

use std::{fs::File, time::Duration};

use portlease_local::private::{self, PrivateError};
use portlease_proto::Paths;

use super::failed;
use crate::exit::{Exit, Failure};

/// How long a command may take to start a daemon.
const PATIENCE: Duration = Duration::from_secs(15);
const STEP: Duration = Duration::from_millis(5);

/// While it lives, commands that find no daemon wait for one to answer.
pub(super) struct Handover {
    _lock: File,
}

impl Handover {
    /// Waits until no command is starting a daemon.
    pub(super) async fn begin(paths: &Paths) -> Result<Self, Failure> {
        let unusable = |error: &PrivateError| failed("the service cannot be set up", error);
        for directory in [paths.state(), paths.runtime()] {
            private::directory(directory).map_err(|error| unusable(&error))?;
        }
        let waiting = async {
            loop {
                match private::lock(&paths.start_lock()) {
                    #[expect(clippy::disallowed_methods, reason = "a lock file announces nothing")]
                    Err(PrivateError::Locked { .. }) => tokio::time::sleep(STEP).await,
                    Err(error) => return Err(unusable(&error)),
                    Ok(file) => return Ok(Self { _lock: file }),
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| {
            Err(Failure::new(Exit::Failed, "another command has been starting a daemon for a long time")
                .hint("see portlease service logs"))
        })
    }

    /// Ends the daemon that runs, if one does, whoever started it: its pid.
    pub(super) fn end_daemon(&self, paths: &Paths) -> Result<Option<u32>, Failure> {
        let state = std::fs::canonicalize(paths.state())
            .map_err(|error| failed(&paths.state().display().to_string(), &error))?;
        portleased::predecessor::end(&state)
            .map_err(|error| failed("the daemon that runs does not give way", &error))
    }
}

//! Reaching the daemon, and starting one when none answers: one, however many
//! commands want it at once.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    process::{Child, Command, Stdio},
    time::Duration,
};

use portlease::{Client, Error};
use portlease_local::{
    ALREADY_RUNNING,
    private::{self, PrivateError},
};
use portlease_proto::Paths;

use crate::{
    exit::{Exit, Failure},
    output,
};

/// How long a daemon may take to answer after it was started.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is asked.
const STEP: Duration = Duration::from_millis(2);
/// The log is begun afresh when it has grown to this size.
const LOG: u64 = 1024 * 1024;

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
                Err(Error::Connection(_)) => pause().await,
                answer => return Ok(answer?),
            }
        }
    };
    match tokio::time::timeout(PATIENCE * 2, asking).await {
        Ok(answer) => answer,
        Err(_) => Err(Failure::new(Exit::Unreachable, "every connection to the daemon breaks")
            .hint(format!("see {}", paths.log().display()))),
    }
}

/// A connection to the daemon, which is started if need be.
pub(crate) async fn connect(paths: &Paths) -> Result<Client, Failure> {
    match Client::connect(paths).await {
        Err(Error::NotRunning { .. }) if std::env::var_os("PORTLEASE_NO_AUTOSTART").is_none() => {}
        result => return Ok(result?),
    }
    private::directory(paths.state()).map_err(|error| unusable(&error))?;
    private::directory(paths.runtime()).map_err(|error| unusable(&error))?;

    let mut start = Start { paths, child: None, log_from: 0 };
    match tokio::time::timeout(PATIENCE, start.until_it_answers()).await {
        Ok(result) => result,
        Err(_) => {
            let message =
                format!("the daemon was started and does not answer within {} s", PATIENCE.as_secs());
            Err(Failure::new(Exit::Unreachable, message).hint(format!("see {}", paths.log().display())))
        }
    }
}

struct Start<'a> {
    paths: &'a Paths,
    child: Option<Child>,
    log_from: u64,
}

impl Start<'_> {
    async fn until_it_answers(&mut self) -> Result<Client, Failure> {
        let mut lock = None;
        loop {
            match Client::connect(self.paths).await {
                Err(Error::NotRunning { .. }) => {}
                Ok(client) => return self.greet(client).await,
                Err(error) => return Err(error.into()),
            }
            self.check_child()?;
            // Whoever has the lock starts the daemon; the others wait for it.
            if lock.is_none() {
                match private::lock(&self.paths.start_lock()) {
                    Err(PrivateError::Locked { .. }) => {}
                    // One may have come up between the question and the lock.
                    Ok(file) => lock = Some(file),
                    Err(error) => return Err(unusable(&error)),
                }
            } else if self.child.is_none() {
                self.child = Some(self.spawn()?);
            }
            pause().await;
        }
    }

    /// What the first one to reach a new daemon should tell its user.
    async fn greet(&self, mut client: Client) -> Result<Client, Failure> {
        if self.child.is_some() {
            for notice in client.health().await?.notices {
                output::note(&notice);
            }
        }
        Ok(client)
    }

    fn spawn(&mut self) -> Result<Child, Failure> {
        let failed = |error: std::io::Error| Failure::from_chain(Exit::Unreachable, &error);
        let log = private::open(&self.paths.log(), File::options().append(true))
            .map_err(|error| unusable(&error))?;
        if log.metadata().map_err(failed)?.len() > LOG {
            log.set_len(0).map_err(failed)?;
        }
        self.log_from = log.metadata().map_err(failed)?.len();
        Command::new(std::env::current_exe().map_err(failed)?)
            .args(["daemon", "--detach"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(failed)
    }

    /// A daemon that ended will never answer; its log says why.
    fn check_child(&mut self) -> Result<(), Failure> {
        let Some(child) = &mut self.child else { return Ok(()) };
        match child.try_wait() {
            Ok(Some(status)) if status.code() == Some(ALREADY_RUNNING.into()) => {
                // The one that runs either answers soon, or is on its way out
                // and its place can be taken.
                self.child = None;
                Ok(())
            }
            Ok(Some(status)) => {
                let reason = self.reason().unwrap_or_else(|| format!("it ended with {status}"));
                Err(Failure::new(Exit::Unreachable, format!("the daemon does not start: {reason}")))
            }
            _ => Ok(()),
        }
    }

    /// The error that the daemon ended with: the last lines of its log.
    fn reason(&self) -> Option<String> {
        let mut log = File::open(self.paths.log()).ok()?;
        log.seek(SeekFrom::Start(self.log_from)).ok()?;
        let mut text = String::new();
        log.read_to_string(&mut text).ok()?;
        let (_, error) = text.rsplit_once("error: ")?;
        Some(error.trim_end().to_owned())
    }
}

async fn pause() {
    #[expect(clippy::disallowed_methods, reason = "a daemon announces itself by answering")]
    tokio::time::sleep(STEP).await;
}

fn unusable(error: &PrivateError) -> Failure {
    Failure::from_chain(Exit::Unreachable, error)
}

//! Starting a daemon when none answers: one, however many clients want it at
//! once.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use portlease_local::{
    ALREADY_RUNNING, paths,
    private::{self, PrivateError},
};
use portlease_proto::Paths;

use crate::{Client, Error, StartError, dial::Dialer};

/// How long a daemon may take to answer after it was started.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is asked.
const STEP: Duration = Duration::from_millis(2);
/// The log is begun afresh when it has grown to this size.
const LOG: u64 = 1024 * 1024;
const PROGRAM: &str = "portlease";

/// A client of a daemon that was started for it, or by somebody else meanwhile.
pub(crate) async fn start(dialer: &Dialer, program: Option<PathBuf>) -> Result<Client, Error> {
    let paths = &dialer.paths;
    private::directory(paths.state()).map_err(StartError::from)?;
    private::directory(paths.runtime()).map_err(StartError::from)?;
    let program = program.unwrap_or_else(program_at_hand);
    let mut start = Start { dialer, program, child: None, log_from: 0, doubt: None };
    match tokio::time::timeout(PATIENCE, start.until_it_answers()).await {
        Ok(result) => result,
        Err(_) => Err(start
            .doubt
            .unwrap_or_else(|| StartError::Late { seconds: PATIENCE.as_secs(), log: paths.log() }.into())),
    }
}

/// This program if it is portlease itself, else what `PATH` has under that name.
fn program_at_hand() -> PathBuf {
    let this = std::env::current_exe().ok();
    this.filter(|this| this.file_name().is_some_and(|name| name == PROGRAM)).unwrap_or_else(|| PROGRAM.into())
}

struct Start<'a> {
    dialer: &'a Dialer,
    program: PathBuf,
    child: Option<Child>,
    log_from: u64,
    /// Why somebody who answers was not taken for the daemon.
    doubt: Option<Error>,
}

impl Start<'_> {
    async fn until_it_answers(&mut self) -> Result<Client, Error> {
        let mut lock = None;
        loop {
            match self.dialer.dial_again().await {
                Err(Error::NotRunning { .. }) => self.doubt = None,
                // A daemon that begins to listen may close again, when it does
                // not get its port on both addresses.
                Err(doubt @ Error::UnknownListener { .. }) => self.doubt = Some(doubt),
                Ok(client) => return Ok(self.done(client)),
                Err(error) => return Err(error),
            }
            self.check_child()?;
            // Whoever has the lock starts the daemon; the others wait for it.
            if lock.is_none() {
                match private::lock(&self.dialer.paths.start_lock()) {
                    Err(PrivateError::Locked { .. }) => {}
                    // One may have come up between the question and the lock.
                    Ok(file) => lock = Some(file),
                    Err(error) => return Err(StartError::from(error).into()),
                }
            } else if self.child.is_none() {
                self.child = Some(self.spawn()?);
            }
            #[expect(clippy::disallowed_methods, reason = "a daemon announces itself by answering")]
            tokio::time::sleep(STEP).await;
        }
    }

    fn done(&mut self, client: Client) -> Client {
        match self.child.take() {
            Some(mut child) => {
                // Whenever the daemon ends, it leaves no zombie to a program
                // that lives longer.
                std::thread::spawn(move || child.wait());
                client.of_new_daemon()
            }
            None => client,
        }
    }

    fn spawn(&mut self) -> Result<Child, StartError> {
        let path = self.dialer.paths.log();
        let log = private::open(&path, File::options().append(true))?;
        self.log_from = begin_log(&log).map_err(|source| PrivateError::Io { path, source })?;
        let mut command = Command::new(&self.program);
        command.args(["daemon", "--detach"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        tell(&mut command, &self.dialer.paths)?;
        let program = self.program.clone();
        command.spawn().map_err(|source| StartError::Program { program, source })
    }

    /// A daemon that ended will never answer; its log says why.
    fn check_child(&mut self) -> Result<(), StartError> {
        let Some(child) = &mut self.child else { return Ok(()) };
        match child.try_wait() {
            Ok(Some(status)) if status.code() == Some(ALREADY_RUNNING.into()) => {
                // The one that runs either answers soon, or is on its way out
                // and its place can be taken.
                self.child = None;
                Ok(())
            }
            Ok(Some(status)) => {
                let reason = reason(&self.dialer.paths.log(), self.log_from);
                Err(StartError::Ended { reason: reason.unwrap_or_else(|| format!("it ended with {status}")) })
            }
            _ => Ok(()),
        }
    }
}

/// Makes the daemon use these paths: those that it would find by itself, or
/// all that lie under one directory.
fn tell(command: &mut Command, paths: &Paths) -> Result<(), StartError> {
    if paths::from_env().as_ref() == Some(paths) {
        return Ok(());
    }
    match paths.home() {
        Some(home) => {
            command.env("PORTLEASE_HOME", home);
            Ok(())
        }
        None => Err(StartError::Elsewhere { state: paths.state().to_owned() }),
    }
}

/// Where in the log the new daemon's lines begin.
fn begin_log(log: &File) -> io::Result<u64> {
    let length = log.metadata()?.len();
    if length <= LOG {
        return Ok(length);
    }
    log.set_len(0)?;
    Ok(0)
}

/// The error that the daemon ended with: the last lines of its log.
fn reason(log: &Path, from: u64) -> Option<String> {
    let mut log = File::open(log).ok()?;
    log.seek(SeekFrom::Start(from)).ok()?;
    let mut text = String::new();
    log.read_to_string(&mut text).ok()?;
    let (_, error) = text.rsplit_once("error: ")?;
    Some(error.trim_end().to_owned())
}

//! The signals that a daemon is told things by.

use std::{fs::File, io};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// To end; the name of the signal.
    Stop(&'static str),
    /// To read the configuration again.
    Reload,
}

/// Signals as they come.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    has_terminal: bool,
}

impl Signals {
    /// From now on none of them ends the process by itself.
    ///
    /// # Errors
    /// As the system calls.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            has_terminal: has_terminal(),
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Told {
        tokio::select! {
            _signal = self.terminate.recv() => Told::Stop("SIGTERM"),
            _signal = self.interrupt.recv() => Told::Stop("SIGINT"),
            // Somebody closed the window in which the daemon ran.
            _signal = self.hang_up.recv() => match self.has_terminal && !has_terminal() {
                true => Told::Stop("SIGHUP"),
                false => Told::Reload,
            },
        }
    }

    /// The next one that says to end.
    pub async fn stop(&mut self) -> &'static str {
        loop {
            if let Told::Stop(name) = self.next().await {
                return name;
            }
        }
    }
}

/// Whether this process has a terminal that is there.
fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}

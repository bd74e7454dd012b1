//! Running an app as `portlease run` does: started when it is told to, with
//! the terminal of whoever typed it, and its end passed on. What it is given
//! is decided elsewhere.

mod launch;
mod signals;
mod stage;
mod supervise;
mod terminal;
mod variable;

use std::process::ExitCode;

pub(crate) use launch::{Launch, LaunchError};
pub(crate) use signals::{Signals, block_stops};
pub(crate) use stage::stage;
pub(crate) use supervise::supervise;
pub(crate) use terminal::Place;
pub(crate) use variable::own_variable;

/// How an app ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By itself.
    Status(u8),
    /// By this signal.
    Signal(i32),
}

/// The end of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    /// How it came.
    pub(crate) how: Ended,
    /// Whether it had been told to end before: it is not to begin again.
    pub(crate) asked: bool,
}

impl Ended {
    /// Whether the app says that it did what it was for.
    pub(crate) fn well(self) -> bool {
        self == Self::Status(0)
    }
}

/// As shells tell it: a signal is 128 and its number.
impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Status(status) => status.into(),
            Ended::Signal(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX).into(),
        }
    }
}

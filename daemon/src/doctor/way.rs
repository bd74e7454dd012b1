//! What was met on the way to a port.

use std::net::SocketAddr;

use super::{Listing, Names, Speech};

/// The way from a client of this machine to the port, as it was walked. What
/// was not walked is empty.
#[derive(Debug, Clone, Default)]
pub struct Way {
    /// One connection to each address that a listener takes connections to.
    pub attempts: Vec<Attempt>,
    /// The firewall's rules; read only when an attempt failed.
    pub rules: Vec<Listing>,
    /// How names become addresses; read only for names.
    pub names: Option<Names>,
    /// What the app speaks, if it said anything that tells.
    pub speech: Option<Speech>,
}

/// One connection that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Where to.
    pub address: SocketAddr,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a connection, while a listener was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Answered,
    /// Nothing came back in time.
    Silent,
    /// It was refused, or declared unreachable.
    Rejected,
    /// This machine does not have the address.
    Absent,
}

impl Way {
    pub(super) fn attempts_that(&self, outcome: Outcome) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(move |attempt| attempt.outcome == outcome)
    }

    /// The first attempt that something stood in the way of.
    #[must_use]
    pub fn obstructed(&self) -> Option<&Attempt> {
        self.attempts_that(Outcome::Silent).chain(self.attempts_that(Outcome::Rejected)).next()
    }

    pub(super) fn has_answer(&self) -> bool {
        self.attempts_that(Outcome::Answered).next().is_some()
    }
}

//! A way in: over what, by how many, and whether connections stay.

use super::Amount;
use crate::{load::Pace, place::Place};

#[derive(Debug, Clone, Copy)]
pub(super) struct Lane {
    pub(super) tcp: bool,
    pub(super) clients: usize,
    pub(super) keep_alive: bool,
    pub(super) pace: Pace,
}

impl Lane {
    pub(super) fn new(tcp: bool, clients: usize, keep_alive: bool) -> Self {
        Self { tcp, clients, keep_alive, pace: Pace::Closed }
    }

    pub(super) fn all(amount: &Amount) -> Vec<Self> {
        let mut all = Vec::new();
        for tcp in [false, true] {
            for keep_alive in [true, false] {
                all.push(Self::new(tcp, 1, keep_alive));
                all.push(Self::new(tcp, amount.clients, keep_alive));
            }
            all.push(Self { pace: Pace::PerSecond(amount.rate), ..Self::new(tcp, amount.clients, true) });
        }
        all
    }

    /// The column of the table.
    pub(super) fn name(self, place: &Place) -> String {
        let by = if self.clients == 1 { "1 client".to_owned() } else { format!("{} clients", self.clients) };
        let connections = if self.keep_alive { "" } else { ", a connection each" };
        let pace = match self.pace {
            Pace::Closed => String::new(),
            Pace::PerSecond(rate) => format!(", at {rate} per second"),
        };
        format!("{}, {by}{connections}{pace}", place.way())
    }

    /// Whether it is asked as fast as it answers.
    pub(super) fn is_closed(self) -> bool {
        self.pace == Pace::Closed
    }

    /// Several at once ask for more, so that each of them has something to do.
    pub(super) fn count(self, by_one: usize) -> usize {
        by_one.max(1) * if self.clients == 1 { 1 } else { 4 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_in_is_there_once() {
        let amount = Amount { each: 1, clients: 16, rate: 5000.0 };
        let names: Vec<String> = Lane::all(&amount)
            .into_iter()
            .filter(|lane| !lane.tcp)
            .map(|lane| lane.name(&Place::Unix("x".into())))
            .collect();
        let expected = [
            "Unix, 1 client",
            "Unix, 16 clients",
            "Unix, 1 client, a connection each",
            "Unix, 16 clients, a connection each",
            "Unix, 16 clients, at 5000 per second",
        ];
        assert_eq!(names, expected);
    }
}

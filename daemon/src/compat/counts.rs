//! How often ports were asked for over portpicker's protocol.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the original counts, by its own words.
#[derive(Debug, Default)]
pub struct Counts {
    errors: AtomicU64,
    denied: AtomicU64,
    total: AtomicU64,
}

impl Counts {
    /// A request was none.
    pub(super) fn error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// A port was not given.
    pub(super) fn denied(&self) {
        self.denied.fetch_add(1, Ordering::Relaxed);
    }

    /// A port was given.
    pub(super) fn allocated(&self) {
        self.total.fetch_add(1, Ordering::Relaxed);
    }

    /// The five lines that the original writes on SIGUSR1.
    pub(super) fn lines(&self, managed: usize, checked: usize) -> [String; 5] {
        let [errors, denied, total] =
            [&self.errors, &self.denied, &self.total].map(|count| count.load(Ordering::Relaxed));
        [
            format!("client-request-errors {errors}"),
            format!("denied-allocations {denied}"),
            format!("num-ports-managed {managed}"),
            format!("num-ports-checked-for-last-request {checked}"),
            format!("total-allocations {total}"),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_lines_in_the_order_of_the_original() {
        let counts = Counts::default();
        counts.error();
        (0..2).for_each(|_| counts.denied());
        (0..3).for_each(|_| counts.allocated());
        assert_eq!(
            counts.lines(10_000, 7),
            [
                "client-request-errors 1",
                "denied-allocations 2",
                "num-ports-managed 10000",
                "num-ports-checked-for-last-request 7",
                "total-allocations 3",
            ]
        );
    }
}

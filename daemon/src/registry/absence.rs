//! For how long the root of leases is gone, counted so that no clock that is
//! set makes it longer.

use std::time::Duration;

use super::{Change, Registry};
use crate::clock::{BootId, Now};

/// For how long leases outlive their root.
pub const GRACE: Duration = Duration::from_hours(7 * 24);
/// How much of an absence may be forgotten when the machine is started anew.
const SAVED_EVERY: Duration = Duration::from_hours(1);

/// A root that was looked for and was not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absence {
    /// What was counted before `since`.
    pub counted: Duration,
    /// From when on it is counted, on the boot clock.
    pub since: Duration,
    /// The start of the machine that `since` counts from.
    pub boot_id: BootId,
}

impl Absence {
    /// One that begins now.
    #[must_use]
    pub fn begin(now: Now) -> Self {
        Self { counted: Duration::ZERO, since: now.boot, boot_id: now.boot_id }
    }

    /// How long it is so far. How long a machine was off cannot be told, so
    /// that does not count: a wall clock that is set a year ahead would.
    #[must_use]
    pub fn so_far(self, now: Now) -> Duration {
        let here = self.boot_id == now.boot_id;
        let since = if here { now.boot.saturating_sub(self.since) } else { Duration::ZERO };
        self.counted + since
    }

    /// What is left of the grace.
    #[must_use]
    pub fn left(self, now: Now) -> Duration {
        GRACE.saturating_sub(self.so_far(now))
    }

    fn counted_anew(self, now: Now) -> Self {
        Self { counted: self.so_far(now), ..Self::begin(now) }
    }

    fn is_to_be_saved(self, now: Now) -> bool {
        self.boot_id != now.boot_id || now.boot.saturating_sub(self.since) >= SAVED_EVERY
    }
}

impl Registry {
    /// The roots that leases have.
    pub fn roots(&self) -> impl Iterator<Item = &str> {
        self.roots.keys().map(String::as_str)
    }

    /// Since when a root is gone, as far as it was looked for.
    #[must_use]
    pub fn absence(&self, root: &str) -> Option<Absence> {
        self.absences.get(root).copied()
    }

    /// What changes now that exactly these roots were found to be gone.
    #[must_use]
    pub fn looked_for(&self, gone: &[String], now: Now) -> Vec<Change> {
        let back =
            self.absences.keys().filter(|root| !gone.contains(root) || !self.roots.contains_key(*root));
        let back = back.map(|root| Change::Present(root.clone()));
        let away = gone.iter().filter(|root| self.roots.contains_key(*root)).filter_map(|root| {
            let absence = match self.absence(root) {
                None => Absence::begin(now),
                Some(absence) if absence.is_to_be_saved(now) => absence.counted_anew(now),
                Some(_) => return None,
            };
            Some(Change::Absent(root.clone(), absence))
        });
        back.chain(away).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::doubles::at;

    const DAY: u64 = 24 * 3600;

    #[test]
    fn only_time_that_was_seen_to_pass_counts() {
        assert_eq!(GRACE.as_secs(), 7 * DAY);
        let absence = Absence::begin(at(1000));
        assert_eq!(absence.left(at(1000)), GRACE);
        let year = SystemTime::UNIX_EPOCH + Duration::from_secs(365 * DAY);
        assert_eq!(absence.left(Now { wall: year, ..at(1060) }), GRACE - Duration::from_secs(60));
        let slept = Now { boot: Duration::from_secs(1000 + 8 * DAY), ..at(1060) };
        assert_eq!(absence.left(slept), Duration::ZERO, "a machine that sleeps has a clock");
        let off = Now { boot_id: BootId(2), ..at(100 * DAY) };
        assert_eq!(absence.left(off), GRACE);
        let on = absence.counted_anew(at(1000 + 2 * DAY)).counted_anew(off);
        assert_eq!(on.left(Now { boot_id: BootId(2), ..at(103 * DAY) }), Duration::from_secs(2 * DAY));
        assert_eq!(absence.so_far(at(3)), Duration::ZERO);
    }
}

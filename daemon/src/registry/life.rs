//! When a lease ends by itself. One that has neither a term nor an owner stays.

use std::time::{Duration, SystemTime};

use portlease_proto::Ttl;

use crate::clock::{BootId, Now};

/// What ends a lease: the first of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Life {
    /// It must be renewed.
    pub term: Option<Term>,
    /// It ends with a process.
    pub owner: Option<Owner>,
    /// It does not end with its owner: then its term begins, which is so long.
    pub after: Option<Ttl>,
}

impl Life {
    /// What is left of a life whose owner has ended: none if it ends, too.
    #[must_use]
    pub fn without_owner(self, now: Now) -> Option<Self> {
        let term = Term::begin(self.after?, now);
        Some(Self { term: Some(term), owner: None, after: None })
    }
}

/// How long a lease lives unless it is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// From one renewal to the end.
    pub ttl: Ttl,
    /// Its end on the clock that stands still during suspend, and never jumps.
    pub until: Duration,
    /// Its end on the wall clock as it was at the last renewal, to be shown.
    pub expires_at: SystemTime,
}

impl Term {
    /// A term that begins now.
    #[must_use]
    pub fn begin(ttl: Ttl, now: Now) -> Self {
        Self { ttl, until: now.awake + ttl.duration(), expires_at: now.wall + ttl.duration() }
    }

    /// A term read back from the store, where it was written under `boot_id`.
    /// What passed since another start of the machine cannot be told, so it
    /// begins anew: no lease ends early.
    #[must_use]
    pub fn restored(self, boot_id: BootId, now: Now) -> Self {
        let begun_now = Self::begin(self.ttl, now);
        if boot_id == now.boot_id && self.until <= begun_now.until { self } else { begun_now }
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_over(self, now: Now) -> bool {
        self.until <= now.awake
    }

    /// How much of it is left.
    #[must_use]
    pub fn left(self, now: Now) -> Duration {
        self.until.saturating_sub(now.awake)
    }

    /// When it ends on the wall clock. A clock that was set or a machine that
    /// slept moves it; what merely drifts does not.
    #[must_use]
    pub fn ends_at(self, now: Now) -> SystemTime {
        const DRIFT: Duration = Duration::from_secs(1);
        let counted = now.wall + self.left(now);
        let apart = counted.duration_since(self.expires_at).unwrap_or_else(|error| error.duration());
        if apart <= DRIFT { self.expires_at } else { counted }
    }
}

/// A process that leases live and die with. Its pid alone would name another
/// one soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// Its process id.
    pub pid: u32,
    /// When it started, as the kernel counts: clock ticks since the machine
    /// started (Linux), microseconds since 1970 (macOS).
    pub start: u64,
    /// The start of the machine that `start` counts from.
    pub boot_id: BootId,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doubles::at;

    fn ttl(seconds: u64) -> Ttl {
        Ttl::from_seconds(seconds).unwrap()
    }

    #[test]
    fn a_term_ends_when_its_time_awake_has_passed() {
        let term = Term::begin(ttl(60), at(1000));
        assert!(!term.is_over(at(1059)));
        assert!(term.is_over(at(1060)));
        // Eight hours of sleep, and a wall clock that went back a year.
        let slept = Now { boot: Duration::from_secs(29_859), wall: SystemTime::UNIX_EPOCH, ..at(1059) };
        assert!(!term.is_over(slept));
        assert_eq!(term.left(slept), Duration::from_secs(1));
        assert_eq!(term.ends_at(slept), SystemTime::UNIX_EPOCH + Duration::from_secs(1));
    }

    #[test]
    fn the_end_that_is_shown_stays_the_same() {
        let term = Term::begin(ttl(60), at(1000));
        let later = Now { wall: at(1030).wall + Duration::from_millis(3), ..at(1030) };
        assert_eq!(term.ends_at(later), term.expires_at);
        let ahead = |by_ms| Now { wall: at(1030).wall + Duration::from_millis(by_ms), ..at(1030) };
        assert_eq!(term.ends_at(ahead(1000)), term.expires_at);
        assert_eq!(term.ends_at(ahead(1001)), term.expires_at + Duration::from_millis(1001));
    }

    #[test]
    fn without_its_owner_a_life_is_over_unless_it_outlives_it() {
        let owner = Some(Owner { pid: 1, start: 1, boot_id: BootId(1) });
        let term = Some(Term::begin(ttl(5), at(1000)));
        assert_eq!(Life { term, owner, after: None }.without_owner(at(1000)), None);
        let left = Life { term, owner, after: Some(ttl(60)) }.without_owner(at(1002));
        let term = Some(Term::begin(ttl(60), at(1002)));
        assert_eq!(left, Some(Life { term, owner: None, after: None }));
    }

    #[test]
    fn a_restored_term_never_ends_early() {
        let term = Term::begin(ttl(60), at(1000));
        assert_eq!(term.restored(BootId(1), at(1050)), term);
        assert!(term.restored(BootId(1), at(2000)).is_over(at(2000)), "the daemon was away");
        assert_eq!(term.restored(BootId(2), at(1050)), Term::begin(ttl(60), at(1050)));
        assert_eq!(term.restored(BootId(1), at(3)), Term::begin(ttl(60), at(3)));
    }
}

//! The one place that reads clocks.

use std::time::{Duration, SystemTime};

/// An instant on both clocks: one to show, one to count with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Wall time, for people and for the store. It may jump.
    pub wall: SystemTime,
    /// Time since the machine started, suspend included. It never jumps.
    pub boot: Duration,
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Now;
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock module")]
    fn now(&self) -> Now {
        Now { wall: SystemTime::now(), boot: since_boot() }
    }
}

fn since_boot() -> Duration {
    // On macOS CLOCK_MONOTONIC is the one that goes on during sleep.
    #[cfg(target_os = "linux")]
    let id = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let id = rustix::time::ClockId::Monotonic;
    let time = rustix::time::clock_gettime(id);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// RFC 3339 in UTC with milliseconds, as the API writes every time.
#[must_use]
pub fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_792_000_000_123);
        assert_eq!(rfc3339(time), "2026-10-14T17:46:40.123Z");
    }
}

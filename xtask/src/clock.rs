//! The one place here that reads clocks and waits for time to pass.

use std::time::{Duration, Instant, SystemTime};

#[expect(clippy::disallowed_methods, reason = "this is the clock module")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A number that is another one at each run: a seed.
#[expect(clippy::disallowed_methods, reason = "this is the clock module")]
pub(crate) fn seed() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // Short enough to be typed again.
    u64::from(since.subsec_micros()) + since.as_secs() % 1000 * 1_000_000
}

/// The date and time, as `2026-01-31T12:00:00Z`.
#[expect(clippy::disallowed_methods, reason = "this is the clock module")]
pub(crate) fn date() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

#[expect(clippy::disallowed_methods, reason = "a fault lasts for a time, and a kill comes after one")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Asks again and again, a millisecond apart, until there is an answer or the
/// time is up.
pub(crate) fn wait_for<T>(time: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let until = now() + time;
    loop {
        let answer = ask();
        if answer.is_some() || now() > until {
            return answer;
        }
        pause(Duration::from_millis(1));
    }
}

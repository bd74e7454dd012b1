//! The one place of the benchmarks that reads clocks.

use std::time::{Duration, Instant, SystemTime};

#[expect(clippy::disallowed_methods, reason = "this is the clock module")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The date, as `2026-01-31`.
#[expect(clippy::disallowed_methods, reason = "this is the clock module")]
pub(crate) fn today() -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    now.chars().take(10).collect()
}

#[expect(clippy::disallowed_methods, reason = "a peer that does not say when it serves is asked again")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

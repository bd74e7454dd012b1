//! The daemon's log: lines on standard error.

use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// Logs to standard error, at the level that `PORTLEASE_LOG` names (`info`
/// when it names none), such as `debug` or `portleased=trace`.
pub fn init() {
    let filter = std::env::var("PORTLEASE_LOG")
        .ok()
        .and_then(|text| text.parse::<Targets>().ok())
        .unwrap_or_else(|| Targets::new().with_default(tracing::Level::INFO));
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(false);
    // Fails only when a log is set up already, and then that one stands.
    let _already = tracing_subscriber::registry().with(filter).with(lines).try_init();
}

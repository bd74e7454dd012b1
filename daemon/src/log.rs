//! The daemon's log: entries with fields in the journal of systemd, when
//! standard error leads there, else lines on standard error.

mod filter;
mod journal;

use tracing_subscriber::{
    fmt::{self, format::debug_fn},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// Logs what `PORTLEASE_LOG` lets through (`info` when it names nothing), such
/// as `debug` or `info,portleased::http=trace`.
pub fn init() {
    let said = std::env::var_os("PORTLEASE_LOG").map(|text| text.to_string_lossy().into_owned());
    let (filter, misunderstood) = filter::of(said.as_deref().unwrap_or_default());
    let (journal, unreachable) = match journal::layer() {
        None => (None, None),
        Some(Ok(layer)) => (Some(layer), None),
        Some(Err(error)) => (None, Some(error)),
    };
    // The fields are in the message, too; the journal has them apart.
    let words = debug_fn(|writer, field, value| match field.name() {
        "message" => write!(writer, "{value:?}"),
        "request_id" => write!(writer, " (request {value:?})"),
        _ => Ok(()),
    });
    let lines =
        fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(false).fmt_fields(words);
    let lines = journal.is_none().then_some(lines);
    // Fails only when a log is set up already, and then that one stands.
    let _already = tracing_subscriber::registry().with(filter).with(journal).with(lines).try_init();
    if let Some(problem) = misunderstood {
        tracing::warn!("{problem}");
    }
    if let Some(error) = unreachable {
        tracing::warn!("the journal cannot be reached, so the log has no fields: {error}");
    }
}

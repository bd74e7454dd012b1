//! What happens to leases, as entries of the log: what somebody may wonder
//! about the day after at `info`, all else at `debug`.

use std::sync::Arc;

use portlease_proto::{Event, EventKind, escape};

use crate::events::{After, Events};

/// How many events are read at once.
const AT_ONCE: usize = 64;

/// Follows the events for as long as the daemon runs.
pub async fn run(events: Arc<Events>) {
    let mut changes = events.watch();
    let mut at = events.latest();
    loop {
        changes.mark_unchanged();
        match events.after(at, AT_ONCE) {
            After::Events(found) if found.is_empty() => {
                if changes.changed().await.is_err() {
                    return;
                }
            }
            After::Events(found) => {
                for (id, event) in found {
                    note(&event);
                    at = id;
                }
                // Requests go before their diary.
                tokio::task::yield_now().await;
            }
            // More happened meanwhile than is kept.
            After::Gap => at = events.latest(),
        }
    }
}

fn note(event: &Event) {
    let Event { event: kind, project, service, port, .. } = event;
    let number = port.get();
    match kind {
        EventKind::Moved | EventKind::Taken => {
            tracing::info!(%project, %service, port = number, "{}", words(event));
        }
        _ if tracing::enabled!(tracing::Level::DEBUG) => {
            tracing::debug!(%project, %service, port = number, "{}", words(event));
        }
        _ => {}
    }
}

fn words(event: &Event) -> String {
    let Event { event: kind, project, service, port, .. } = event;
    let mut words = format!("{kind}: {project}/{service} {port}");
    if let Some(changed) = &event.changed {
        words.push_str(&format!(", was {}: {}", changed.from, changed.because));
    }
    if let Some(holder) = &event.holder {
        words.push_str(&format!(", {holder}"));
    }
    escape(&words)
}

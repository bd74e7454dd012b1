//! `GET /v1/events`: the history of leases as server-sent events
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::{Extension, Query, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{
        Sse,
        sse::{Event as Message, KeepAlive},
    },
};
use futures_util::{Stream, stream};
use portlease_proto::{ErrorCode, Event, ProjectName, Reset};
use serde::Deserialize;
use tokio::sync::watch;

use super::{App, error::ApiError, openapi::problems::refusals};
use crate::events::{After, Events, OpenStream};

/// How often a stream on which nothing happens shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How many events are written at once.
const AT_ONCE: usize = 64;

/// Whether the daemon is about to end.
#[derive(Clone)]
pub(super) struct Stopping(pub(super) watch::Receiver<bool>);

/// Which events are asked for; all when it is empty.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Wanted {
    /// Those of one project.
    #[param(example = "myapp")]
    project: Option<ProjectName>,
}

refusals!(Refusals: 422 InvalidName, 422 InvalidRequest, 429 LimitReached);

/// Follow what happens to leases, as server-sent events.
///
/// The name of an event is that of its kind, its data is an [Event](#event) in JSON. Who was cut off sends the last id
/// that it saw as `Last-Event-ID` and goes on from there; where events were missed, one named `reset` says so, with a
/// [Reset](#reset). A comment every 15 s shows that the stream lives.
#[utoipa::path(
    get, path = "/v1/events", tag = "events",
    params(
        Wanted,
        ("Last-Event-ID" = Option<u64>, Header, description = "The id of the last event that was seen.", example = 17),
    ),
    responses(
        (status = 200, description = "A stream that ends with the daemon.", content_type = "text/event-stream", body = String,
         example = "id: 17\n: portlease\n\nid: 18\nevent: lease.released\ndata: {\"event\":\"lease.released\",…}\n\n"),
        Refusals
    )
)]
pub(super) async fn events(
    State(app): State<App>,
    Extension(stopping): Extension<Stopping>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Message, Infallible>>>, ApiError> {
    let Query(wanted) = Query::<Wanted>::try_from_uri(&uri).map_err(|rejection| {
        let why = portlease_proto::escape(&rejection.body_text());
        refused(format!("the query is not understood: {why}"))
    })?;
    let events = app.edges.events;
    let place = events.open_stream().ok_or_else(|| {
        let detail = "as many streams of events are open as may be";
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::LimitReached, detail)
    })?;
    let (from, resumed) = match last_event_id(&headers)? {
        Some(id) => (id, true),
        None => (events.latest(), false),
    };
    let changes = events.watch();
    let reading = Reading {
        _place: place,
        events,
        changes,
        stopping: stopping.0,
        wanted,
        at: from,
        ready: Vec::new(),
        ended: false,
    };
    // Whoever begins without an id learns where it begins.
    let hello = (!resumed).then(|| Ok(Message::default().id(from.to_string()).comment("portlease")));
    let messages = stream::unfold(reading, |mut reading| async {
        let message = reading.next().await?;
        Some((Ok(message), reading))
    });
    let messages = futures_util::StreamExt::chain(stream::iter(hello), messages);
    Ok(Sse::new(messages).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("heartbeat")))
}

fn refused(detail: String) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::InvalidRequest, detail)
}

/// Where a client that was cut off wants to go on.
fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get("last-event-id").filter(|value| !value.is_empty()) else { return Ok(None) };
    let id = value.to_str().ok().and_then(|text| text.parse().ok());
    id.map(Some).ok_or_else(|| refused("Last-Event-ID is not an id of this stream".to_owned()))
}

/// One stream on its way through the history.
struct Reading {
    _place: OpenStream,
    events: Arc<Events>,
    changes: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    wanted: Wanted,
    /// The id of the last event that was read.
    at: u64,
    /// What was read and is not sent, the next one last.
    ready: Vec<Message>,
    ended: bool,
}

impl Reading {
    /// The next message; none after the last.
    async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.ready.pop() {
                return Some(message);
            }
            if self.ended {
                return None;
            }
            if *self.stopping.borrow() {
                self.ended = true;
                return Some(Message::default().event("shutdown").data("{}"));
            }
            // Seen from here on: what is published while we read wakes us.
            self.changes.mark_unchanged();
            if !self.read() {
                tokio::select! {
                    _published = self.changes.changed() => {}
                    _stopped = self.stopping.changed() => {}
                }
            }
        }
    }

    /// Reads on; false at the end of the history.
    fn read(&mut self) -> bool {
        match self.events.after(self.at, AT_ONCE) {
            After::Events(events) => {
                let Some((last, _)) = events.last() else { return false };
                self.at = *last;
                let wanted = |event: &Event| {
                    self.wanted.project.as_ref().is_none_or(|project| event.project == *project)
                };
                let messages = events.iter().filter(|(_, event)| wanted(event));
                self.ready =
                    messages.rev().map(|(id, event)| message(*id, event.event.as_str(), event)).collect();
            }
            After::Gap => {
                self.at = self.events.latest();
                let because = "events were missed: read the leases anew".to_owned();
                self.ready = vec![message(self.at, "reset", &Reset { because })];
            }
        }
        true
    }
}

fn message(id: u64, kind: &str, data: &impl serde::Serialize) -> Message {
    // Plain data of ours always becomes JSON, and JSON on one line.
    let data = serde_json::to_string(data).unwrap_or_default();
    Message::default().id(id.to_string()).event(kind).data(data)
}

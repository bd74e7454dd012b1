//! What happened to leases, in order: a bounded history that any number of
//! streams read at their own pace. Nobody can make it grow by reading slowly;
//! whoever falls behind its beginning is told so.

use std::{
    collections::VecDeque,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use portlease_proto::Event;
use tokio::sync::{Notify, watch};

use crate::sync::{Mutex, MutexGuard};

/// How many events are kept.
const HISTORY: usize = 4096;
/// The most streams at once.
const STREAMS: usize = 32;
/// The ids of one start of the daemon begin at its epoch times this, so that
/// ids grow across restarts. They stay exact in JavaScript's numbers for nine
/// million restarts.
const EPOCH: u64 = 1_000_000_000;

/// The history of events.
#[derive(Debug)]
pub struct Events {
    history: Mutex<History>,
    latest: watch::Sender<u64>,
    streams: AtomicUsize,
    opened: Notify,
}

#[derive(Debug)]
struct History {
    events: VecDeque<Event>,
    /// The id of the last event, or of the one before the first.
    latest: u64,
}

/// What comes after an id.
#[derive(Debug, Clone, PartialEq)]
pub enum After {
    /// These, with their ids; none when it is the latest.
    Events(Vec<(u64, Event)>),
    /// The id is not in the history: it was too long ago, or of another start
    /// of the daemon.
    Gap,
}

impl Default for Events {
    /// The history of a daemon that has no registry yet.
    fn default() -> Self {
        Self::new(1)
    }
}

impl Events {
    /// An empty history. `epoch` says which start of the daemon this is.
    #[must_use]
    pub fn new(epoch: u32) -> Self {
        let latest = u64::from(epoch) * EPOCH;
        Self {
            history: Mutex::new(History { events: VecDeque::new(), latest }),
            latest: watch::Sender::new(latest),
            streams: AtomicUsize::new(0),
            opened: Notify::new(),
        }
    }

    /// Adds to the history. Whoever calls it holds the lock on the leases, so
    /// the order is that of the changes.
    pub fn publish(&self, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let latest = {
            let mut history = self.lock();
            history.latest += events.len() as u64;
            history.events.extend(events);
            let surplus = history.events.len().saturating_sub(HISTORY);
            history.events.drain(..surplus);
            history.latest
        };
        self.latest.send_replace(latest);
    }

    /// The id of the latest event.
    pub fn latest(&self) -> u64 {
        self.lock().latest
    }

    /// Tells of the latest id whenever it changes.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    /// At most `most` events that came after the one of that id.
    pub fn after(&self, id: u64, most: usize) -> After {
        let history = self.lock();
        let before_first = history.latest - history.events.len() as u64;
        if id < before_first || id > history.latest {
            return After::Gap;
        }
        let known = usize::try_from(id - before_first).unwrap_or(usize::MAX);
        let events = history.events.iter().skip(known).take(most).cloned();
        After::Events((id + 1..).zip(events).collect())
    }

    /// A place for one more stream; none when all are taken.
    pub fn open_stream(self: &Arc<Self>) -> Option<OpenStream> {
        let open = |streams: usize| (streams < STREAMS).then_some(streams + 1);
        self.streams.fetch_update(Ordering::AcqRel, Ordering::Acquire, open).ok()?;
        self.opened.notify_one();
        Some(OpenStream(self.clone()))
    }

    /// Waits until a stream is opened; for one waiter.
    pub async fn stream_opened(&self) {
        self.opened.notified().await;
    }

    /// How many streams there are.
    pub fn streams(&self) -> usize {
        self.streams.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, History> {
        // Nothing in it can be left half done.
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one stream, free again when it is dropped.
#[derive(Debug)]
pub struct OpenStream(Arc<Events>);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use portlease_proto::{EventKind, Port, Protocol};

    use super::*;

    fn event(port: u16) -> Event {
        Event {
            event: EventKind::Granted,
            at: String::new(),
            id: String::new(),
            project: "app".parse().unwrap(),
            service: "web".parse().unwrap(),
            port: Port::constant(port),
            protocol: Protocol::Both,
            url: String::new(),
            holder: None,
            changed: None,
            owner: None,
        }
    }

    fn after(events: &Events, id: u64) -> Option<Vec<(u64, u16)>> {
        match events.after(id, 100) {
            After::Events(events) => Some(events.iter().map(|(id, event)| (*id, event.port.get())).collect()),
            After::Gap => None,
        }
    }

    #[test]
    fn each_event_once_and_in_order() {
        let events = Events::new(3);
        let start = events.latest();
        assert_eq!(after(&events, start), Some(vec![]));
        events.publish(vec![event(1), event(2)]);
        events.publish(vec![event(3)]);
        assert_eq!(after(&events, start), Some(vec![(start + 1, 1), (start + 2, 2), (start + 3, 3)]));
        assert_eq!(after(&events, start + 2), Some(vec![(start + 3, 3)]));
        assert_eq!(after(&events, events.latest()), Some(vec![]));
        assert_eq!(events.after(start, 1), After::Events(vec![(start + 1, event(1))]));
    }

    #[test]
    fn a_gap_is_visible() {
        let events = Events::new(3);
        let start = events.latest();
        let of_an_earlier_start = Events::new(2).latest();
        assert!(start > of_an_earlier_start);
        assert_eq!(after(&events, of_an_earlier_start), None);
        assert_eq!(after(&events, start + 1), None, "an id that is not given yet");
        assert_eq!(after(&events, 0), None);

        events.publish((0..5000).map(|_| event(1)).collect());
        assert_eq!(after(&events, start), None, "too long ago");
        let oldest = events.latest() - HISTORY as u64;
        assert_eq!(events.after(oldest - 1, 1), After::Gap);
        assert_ne!(events.after(oldest, 1), After::Gap);
    }

    #[test]
    fn the_number_of_streams_is_limited() {
        let events = Arc::new(Events::new(1));
        let open: Vec<_> = (0..STREAMS).map(|_| events.open_stream().unwrap()).collect();
        assert!(events.open_stream().is_none());
        drop(open);
        assert_eq!(events.streams(), 0);
        assert!(events.open_stream().is_some());
    }
}

//! What happens to leases, as it happens: the stream behind
//! [`Client::events`](crate::Client::events).

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use portlease_proto::{Event, Reset};

use crate::Error;

/// The daemon shows every 15 s that it lives; after so long without it does not.
const PATIENCE: Duration = Duration::from_secs(45);

/// One message of the stream.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Message {
    /// Something happened to a lease.
    Event(Box<Event>),
    /// Events were missed: read the leases anew.
    Reset(Reset),
    /// The daemon ends, and with it the stream.
    Shutdown,
}

/// A stream of events. It ends when the daemon does: connect again and go on
/// from [`Events::last_id`].
#[derive(Debug)]
pub struct Events {
    body: Incoming,
    reader: Reader,
}

impl Events {
    pub(crate) fn of(body: Incoming, last_id: Option<u64>) -> Self {
        Self { body, reader: Reader { last_id, ..Reader::default() } }
    }

    /// The id to go on from: that of the last message, or where the stream
    /// began.
    pub fn last_id(&self) -> Option<u64> {
        self.reader.last_id
    }

    /// The next message; none at the end of the stream.
    ///
    /// # Errors
    /// [`Error::Connection`], [`Error::Silent`] when the daemon shows no sign of
    /// life, [`Error::Garbled`].
    pub async fn next(&mut self) -> Result<Option<Message>, Error> {
        loop {
            if let Some(message) = self.reader.ready.pop_front() {
                return Ok(Some(message));
            }
            let silent = |_| Error::Silent { seconds: PATIENCE.as_secs() };
            match tokio::time::timeout(PATIENCE, self.body.frame()).await.map_err(silent)? {
                None => return Ok(None),
                Some(frame) => self.reader.read(&frame?.into_data().unwrap_or_default())?,
            }
        }
    }
}

/// Takes a stream of server-sent events apart
/// (<https://html.spec.whatwg.org/multipage/server-sent-events.html>), as far
/// as the daemon makes use of the format.
#[derive(Debug, Default)]
struct Reader {
    /// A line that has not come whole.
    line: Vec<u8>,
    kind: String,
    data: String,
    last_id: Option<u64>,
    ready: VecDeque<Message>,
}

impl Reader {
    fn read(&mut self, bytes: &Bytes) -> Result<(), Error> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                let line = std::str::from_utf8(&line).map_err(|error| Error::Garbled(error.to_string()))?;
                self.take(line.trim_end_matches(['\r', '\n']))?;
            }
        }
        Ok(())
    }

    fn take(&mut self, line: &str) -> Result<(), Error> {
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.kind),
            "data" => self.data.push_str(value),
            "id" => self.last_id = value.parse().ok().or(self.last_id),
            // Comments, and what a later daemon may have to say.
            _ => {}
        }
        Ok(())
    }

    fn dispatch(&mut self) -> Result<(), Error> {
        let (kind, data) = (std::mem::take(&mut self.kind), std::mem::take(&mut self.data));
        if data.is_empty() {
            return Ok(());
        }
        let garbled = |error: serde_json::Error| Error::Garbled(error.to_string());
        self.ready.push_back(match kind.as_str() {
            "reset" => Message::Reset(serde_json::from_str(&data).map_err(garbled)?),
            "shutdown" => Message::Shutdown,
            _ => Message::Event(Box::new(serde_json::from_str(&data).map_err(garbled)?)),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use portlease_proto::EventKind;

    use super::*;

    const EVENT: &str = include_str!("../../proto/tests/golden/event_taken.json");

    fn read(pieces: &[&str]) -> (Vec<Message>, Option<u64>) {
        let mut reader = Reader::default();
        for piece in pieces {
            reader.read(&Bytes::from((*piece).to_owned())).unwrap();
        }
        (reader.ready.into(), reader.last_id)
    }

    fn one_line() -> String {
        serde_json::from_str::<serde_json::Value>(EVENT).unwrap().to_string()
    }

    #[test]
    fn messages_in_whatever_pieces_they_come() {
        let text = format!(
            ": portlease\nid: 7\n\nid: 8\nevent: lease.taken\ndata: {}\n\n:heartbeat\n\n\
             id:9\r\nevent:reset\r\ndata:{{\"because\":\"x\"}}\r\n\r\nevent: shutdown\ndata: {{}}\n\n",
            one_line()
        );
        let whole = read(&[&text]);
        let [Message::Event(event), Message::Reset(reset), Message::Shutdown] = &whole.0[..] else {
            panic!("{whole:?}")
        };
        assert_eq!((event.event, reset.because.as_str()), (EventKind::Taken, "x"));
        assert_eq!(whole.1, Some(9));
        let bytes: Vec<String> = text.chars().map(String::from).collect();
        let bytes: Vec<&str> = bytes.iter().map(String::as_str).collect();
        assert_eq!(read(&bytes), whole);
        for cut in 1..text.len() {
            assert_eq!(read(&[&text[..cut], &text[cut..]]), whole);
        }
    }

    #[test]
    fn what_has_not_come_whole_is_no_message() {
        let text = format!("id: 8\nevent: lease.taken\ndata: {}\n", one_line());
        assert_eq!(read(&[&text]), (vec![], Some(8)));
        assert_eq!(read(&["id: 7\n\n"]), (vec![], Some(7)));
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let mut reader = Reader::default();
        for bad in ["event: lease.granted\ndata: {}\n\n", "event: reset\ndata: 1\n\n"] {
            assert!(matches!(reader.read(&Bytes::from(bad)), Err(Error::Garbled(_))), "{bad}");
        }
        assert!(reader.read(&Bytes::from_static(b"data: \xff\n\n")).is_err());
    }
}

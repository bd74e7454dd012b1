//! A stream of server-sent events, read as text.

use serde_json::Value;

use super::http::{Answer, Connection};

pub(crate) struct Stream {
    connection: Connection,
    pub(crate) head: Answer,
    /// The id that a client would send to go on from here.
    pub(crate) last_id: String,
}

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    pub(crate) id: u64,
    pub(crate) event: String,
    pub(crate) data: Value,
}

impl Stream {
    pub(crate) fn begin(mut connection: Connection) -> Self {
        let head = connection.head();
        Self { connection, head, last_id: String::new() }
    }

    /// The next message, none when the stream ends. What is no message (a
    /// comment, an id alone) is read and passed over.
    pub(crate) fn next(&mut self) -> Option<Message> {
        loop {
            let block = self.block()?;
            let field = |name: &str| {
                let mut values = block.iter().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                let value = values.next();
                assert!(values.next().is_none(), "{name} twice in {block:?}");
                value
            };
            if let Some(id) = field("id") {
                self.last_id = id.to_owned();
            }
            if let (Some(event), Some(data)) = (field("event"), field("data")) {
                let id = self.last_id.parse().expect("a number");
                let data = serde_json::from_str(data).expect("JSON on one line");
                return Some(Message { id, event: event.to_owned(), data });
            }
        }
    }

    /// The next message, which must be of this kind.
    #[track_caller]
    pub(crate) fn expect(&mut self, event: &str) -> Message {
        let message = self.next().expect("a message");
        assert_eq!(message.event, event, "{message:?}");
        message
    }

    /// The next message that is as wanted.
    pub(crate) fn until(&mut self, wanted: impl Fn(&Message) -> bool) -> Message {
        std::iter::from_fn(|| self.next()).find(wanted).expect("a message")
    }

    /// Reads what begins the stream: its first id.
    pub(crate) fn started(mut self) -> Self {
        let block = self.block().expect("a beginning");
        let id = block.iter().find_map(|line| line.strip_prefix("id: ")).expect("an id");
        self.last_id = id.to_owned();
        self
    }

    /// Waits for a message that is nothing but a sign of life.
    pub(crate) fn heartbeat(&mut self, patience: std::time::Duration) {
        self.connection.patience(patience);
        let block = self.block().expect("a sign of life");
        assert!(block.iter().all(|line| line.starts_with(':')), "{block:?}");
    }

    /// The lines up to an empty one; none at the end of the stream.
    fn block(&mut self) -> Option<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            match self.connection.chunked_line()? {
                line if line.is_empty() && lines.is_empty() => {}
                line if line.is_empty() => return Some(lines),
                line => lines.push(line),
            }
        }
    }
}

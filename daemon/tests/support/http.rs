//! HTTP/1.1 as raw text: what a library would never send can be sent, and
//! what it would hide can be seen.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use serde_json::Value;

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

trait Stream: Read + Write + Send {
    fn set_patience(&self, patience: Duration) -> io::Result<()>;
}

impl Stream for UnixStream {
    fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(patience))?;
        self.set_write_timeout(Some(patience))
    }
}

impl Stream for TcpStream {
    fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(patience))?;
        self.set_write_timeout(Some(patience))
    }
}

/// One connection.
pub(crate) struct Connection(BufReader<Box<dyn Stream>>, Vec<u8>);

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) fn unix(path: &Path) -> io::Result<Self> {
        Self::over(UnixStream::connect(path)?)
    }

    pub(crate) fn tcp(address: SocketAddr) -> io::Result<Self> {
        Self::over(TcpStream::connect(address)?)
    }

    fn over(stream: impl Stream + 'static) -> io::Result<Self> {
        stream.set_patience(PATIENCE)?;
        Ok(Self(BufReader::new(Box::new(stream)), Vec::new()))
    }

    /// From now on, waits for no longer than this.
    pub(crate) fn patience(&self, patience: Duration) {
        self.0.get_ref().set_patience(patience).expect("an open connection");
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        match self.0.get_mut().write_all(bytes.as_ref()) {
            // A server may refuse and close before it has read everything.
            Err(e) if [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset].contains(&e.kind()) => {}
            sent => sent.expect("the server reads"),
        }
    }

    /// The next answer to a request that is not HEAD.
    pub(crate) fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        let length = answer.header("content-length").map(|length| length.parse().expect("a length"));
        match (length, answer.status) {
            (Some(length), _) => {
                answer.body.resize(length, 0);
                self.0.read_exact(&mut answer.body).expect("the body");
            }
            (None, 100 | 204) => {}
            (None, status) => panic!("an answer {status} of unknown length: {answer:?}"),
        }
        answer
    }

    /// The next answer's head: all that HEAD gets.
    pub(crate) fn head(&mut self) -> Answer {
        let status_line = self.line();
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {status_line:?}"));
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').expect("a header");
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        // The rule for every answer there is: no page of another origin reads it.
        let cors = headers.iter().find(|(name, _)| name.starts_with("access-control-"));
        assert_eq!(cors, None);
        Answer { status, headers, body: Vec::new() }
    }

    /// What still comes until the server closes.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            // It closed with something of ours unread.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            read => {
                read.expect("the server closes");
            }
        }
        rest
    }

    /// The next line of a body that comes in chunks, none after the last.
    pub(crate) fn chunked_line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.1.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.1.drain(..=end).collect();
                return Some(String::from_utf8(line).expect("text").trim_end().to_owned());
            }
            let size = usize::from_str_radix(&self.line(), 16).expect("the size of a chunk");
            let mut chunk = vec![0; size + 2];
            self.0.read_exact(&mut chunk).expect("a chunk");
            assert_eq!(chunk[size..], *b"\r\n");
            if size == 0 {
                return None;
            }
            self.1.extend_from_slice(&chunk[..size]);
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line");
        assert!(line.ends_with("\r\n"), "the connection was closed in the midst of a head: {line:?}");
        line.trim_end().to_owned()
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The body of a success, which has this status.
    #[track_caller]
    pub(crate) fn json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_slice(&self.body).expect("a body of JSON")
    }
}

/// A request as every client sends it, over the Unix socket.
pub(crate) fn request(method: &str, target: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

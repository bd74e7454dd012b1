//! Requests as bytes, made before anything is measured, and where an answer ends.

use anyhow::{Context, Result, bail};

use crate::place::Place;

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// By its Content-Length.
    Http,
    /// With the connection: portpicker's protocol.
    UntilEnd,
    /// With the connection, after a head: HTTP/1.0.
    HttpUntilEnd,
}

/// A request of HTTP. Without `keep_alive` it says that it is the last one.
pub(crate) fn http(place: &Place, method: &str, path: &str, body: Option<&str>, keep_alive: bool) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", place.host());
    if !keep_alive {
        head.push_str("Connection: close\r\n");
    }
    if let Some(body) = body {
        head.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
    }
    format!("{head}\r\n{}", body.unwrap_or_default()).into_bytes()
}

/// What has come of an answer so far.
#[derive(Debug)]
pub(crate) struct Answer {
    framing: Framing,
    bytes: Vec<u8>,
    head: Option<Head>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Where the body begins.
    body: usize,
    /// Where it ends.
    end: usize,
}

impl Answer {
    pub(crate) fn new(framing: Framing) -> Self {
        Self { framing, bytes: Vec::with_capacity(4096), head: None }
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.head = None;
    }

    /// Takes what was read; none is the end of the connection. Whether the
    /// answer is whole.
    pub(crate) fn push(&mut self, read: &[u8]) -> Result<bool> {
        if self.framing != Framing::Http {
            self.bytes.extend_from_slice(read);
            if read.is_empty() && self.framing == Framing::HttpUntilEnd {
                self.head =
                    Some(head(&self.bytes, Framing::HttpUntilEnd)?.context("an answer without a head")?);
            }
            return Ok(read.is_empty());
        }
        if read.is_empty() {
            bail!("the server closed the connection after {} bytes of its answer", self.bytes.len());
        }
        self.bytes.extend_from_slice(read);
        if self.head.is_none() {
            self.head = head(&self.bytes, self.framing)?;
        }
        match self.head {
            Some(head) if self.bytes.len() > head.end => bail!("more came than one answer"),
            Some(head) => Ok(self.bytes.len() == head.end),
            None => Ok(false),
        }
    }

    /// The status; 200 where the protocol has none.
    pub(crate) fn status(&self) -> u16 {
        self.head.map_or(200, |head| head.status)
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.bytes[self.head.map_or(0, |head| head.body)..]
    }
}

/// The head of an answer, once all of it is there.
fn head(bytes: &[u8], framing: Framing) -> Result<Option<Head>> {
    const END: &[u8] = b"\r\n\r\n";
    let Some(at) = bytes.windows(END.len()).position(|window| window == END) else { return Ok(None) };
    let text = std::str::from_utf8(&bytes[..at]).context("a head that is no text")?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|word| word.parse().ok());
    let status = status.with_context(|| format!("no status in {text:?}"))?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
    });
    let body = at + END.len();
    let length = match length {
        Some(length) => length.with_context(|| format!("no number of bytes in {text:?}"))?,
        None if status == 204 => 0,
        None if framing == Framing::HttpUntilEnd => bytes.len() - body,
        None => bail!("an answer without a length: {text:?}"),
    };
    Ok(Some(Head { status, body, end: body + length }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_head_says() {
        let bytes = b"HTTP/1.1 201 Created\r\ncontent-LENGTH: 3\r\n\r\nabc";
        for cut in 1..bytes.len() {
            let mut answer = Answer::new(Framing::Http);
            assert!(!answer.push(&bytes[..cut]).unwrap(), "{cut}");
            assert!(answer.push(&bytes[cut..]).unwrap(), "{cut}");
            assert_eq!((answer.status(), answer.body()), (201, b"abc".as_slice()));
        }
        let mut answer = Answer::new(Framing::Http);
        assert!(answer.push(b"HTTP/1.1 204 No Content\r\ndate: x\r\n\r\n").unwrap());
        assert!(answer.body().is_empty());
    }

    #[test]
    fn what_cannot_be_measured_is_an_error() {
        let broken: [&[u8]; 4] = [
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab",
            b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
            b"",
        ];
        for bytes in broken {
            assert!(Answer::new(Framing::Http).push(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn portpickers_answer_ends_with_the_connection() {
        let mut answer = Answer::new(Framing::UntilEnd);
        assert!(!answer.push(b"12").unwrap());
        assert!(!answer.push(b"34\n").unwrap());
        assert!(answer.push(b"").unwrap());
        assert_eq!(answer.body(), b"1234\n");
    }

    #[test]
    fn an_answer_of_http_1_0_ends_with_the_connection() {
        let mut answer = Answer::new(Framing::HttpUntilEnd);
        assert!(!answer.push(b"HTTP/1.0 401 Unauthorized\r\n\r\n{").unwrap());
        assert!(!answer.push(b"}").unwrap());
        assert!(answer.push(b"").unwrap());
        assert_eq!((answer.status(), answer.body()), (401, b"{}".as_slice()));
        let mut answer = Answer::new(Framing::HttpUntilEnd);
        answer.push(b"HTTP/1.0 200 OK\r\n").unwrap();
        assert!(answer.push(b"").is_err());
    }
}

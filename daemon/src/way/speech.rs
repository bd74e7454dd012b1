//! What the app speaks: it is listened to first, then asked in HTTP, then in
//! TLS. A connection each, few bytes, little time.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use portlease_proto::SocketState;

use crate::{
    clock::Stopwatch,
    doctor::{Facts, Speech},
    sockets::Sockets,
};

/// For servers that speak first: asked before they have spoken, they would
/// complain in their logs.
const GREETING: Duration = Duration::from_millis(200);
/// For an answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// What is read at most; what is to be seen is in the first few.
const MOST: usize = 256;
/// Up to the status of HTTP.
const ENOUGH: usize = b"HTTP/1.1 200".len();

/// Without a Host, so that no proxy and no Redis takes it for what it is not.
const HEAD: &[u8] = b"HEAD / HTTP/1.0\r\n\r\n";

/// A ClientHello of TLS 1.2 (RFC 5246, 7.4.1.2), which a server of any version
/// answers, be it with an alert: version, random, no session, two cipher
/// suites, no compression, the groups and signatures that everybody has.
const HELLO: &[u8] = b"\x16\x03\x01\x00\x4b\x01\x00\x00\x47\x03\x03\
    portlease doctor asks what you s\x00\
    \x00\x04\xc0\x2f\xc0\x2b\x01\x00\
    \x00\x1a\
    \x00\x0a\x00\x04\x00\x02\x00\x17\
    \x00\x0b\x00\x02\x01\x00\
    \x00\x0d\x00\x08\x00\x06\x04\x01\x04\x03\x08\x04";

/// None if it says nothing that tells, or does not take the connection.
pub(super) fn speech(sockets: &dyn Sockets, facts: &Facts, mut first: TcpStream) -> Option<Speech> {
    let greeting = read(&mut first, GREETING, 1);
    if !greeting.is_empty() {
        return Some(Speech::Greeting(greeting));
    }
    // What waits in its queue is not answered, and fills it.
    if waits(sockets, facts) {
        return None;
    }
    let address = first.peer_addr().ok()?;
    let answer = ask(&mut first, HEAD);
    drop(first);
    Speech::of_answer_to_head(&answer).or_else(|| {
        let mut second = connect(address)?;
        Speech::of_answer_to_hello(&ask(&mut second, HELLO))
    })
}

fn waits(sockets: &dyn Sockets, facts: &Facts) -> bool {
    let now = sockets.in_detail(facts.report.port).unwrap_or_default();
    let mut listeners = now.iter().filter(|socket| socket.state == SocketState::Listening);
    listeners.any(|socket| socket.queue.is_some_and(|queue| queue.waiting > 0))
}

fn connect(address: SocketAddr) -> Option<TcpStream> {
    TcpStream::connect_timeout(&address, PATIENCE).ok()
}

fn ask(stream: &mut TcpStream, question: &[u8]) -> Vec<u8> {
    // It fits into the buffer of the socket, so this waits for nobody.
    match stream.write_all(question) {
        Ok(()) => read(stream, PATIENCE, ENOUGH),
        Err(_) => Vec::new(),
    }
}

/// What comes within that time, up to a few bytes more than enough.
fn read(stream: &mut TcpStream, patience: Duration, enough: usize) -> Vec<u8> {
    let (begun, mut all, mut piece) = (Stopwatch::start(), Vec::new(), [0; MOST]);
    while all.len() < enough {
        let Some(left) = patience.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) else { break };
        if stream.set_read_timeout(Some(left)).is_err() {
            break;
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(more) => all.extend_from_slice(&piece[..more]),
        }
    }
    all
}

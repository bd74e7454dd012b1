//! What the targets of `fuzz/` reach: parsers that nothing outside of this
//! crate has a use for. There only in their builds.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use portlease_proto::Port;

use crate::{compat, processes, sockets, well_known};

/// Whether a request is let in at the door that `hosts` name.
#[must_use]
pub fn is_let_in(hosts: &[String], method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    crate::http::refusal(hosts, method, uri, headers).is_none()
}

/// Lines of `name: value`, as far as HTTP's own parser would take them.
#[must_use]
pub fn headers(text: &[u8]) -> HeaderMap {
    let lines = text.split(|byte| *byte == b'\n').filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(line[..colon].trim_ascii()).ok()?;
        Some((name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?))
    });
    let mut headers = HeaderMap::new();
    for (name, value) in lines.take(64) {
        headers.append(name, value);
    }
    headers
}

/// A datagram of the kernel.
pub fn datagram(bytes: &[u8]) {
    sockets::fuzz(bytes);
}

/// A file of `/proc`, or one that lists services.
pub fn proc_file(text: &str) {
    processes::fuzz(text);
    sockets::fuzz_text(text);
    well_known::fuzz(text);
}

/// What a client of another port server sends, and where it is served: the
/// process that a port is asked for.
#[must_use]
pub fn port_server_request(bytes: &[u8]) -> Option<u32> {
    compat::fuzz(bytes)
}

/// The port that a path of gRPC's port server drops.
#[must_use]
pub fn port_of(text: &str) -> Option<Port> {
    text.parse().ok()
}

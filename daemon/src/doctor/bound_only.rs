//! Did the app take the port and stop half-way?

use portlease_proto::{Check, SocketState, Transport};

use super::Facts;

pub(super) fn check(facts: &Facts) -> Option<Check> {
    if !facts.is_bound_only() {
        return None;
    }
    let port = facts.report.port;
    let socket = facts.sockets(Transport::Tcp, SocketState::Bound).next()?;
    let summary = format!("{} has bound port {port} and does not listen on it", facts.name_of(socket));
    Some(Check::fail("bound_only", summary, format!("restart it: portlease stop {port}")))
}

//! Is it a UDP service that is asked over TCP?

use portlease_proto::{Check, SocketState, Transport};

use super::Facts;

pub(super) fn check(facts: &Facts) -> Option<Check> {
    if facts.is_listening() || facts.is_bound_only() {
        return None;
    }
    let port = facts.report.port;
    let socket = facts.sockets(Transport::Udp, SocketState::Listening).next()?;
    let summary = format!("{} is on UDP port {port}, and nothing listens on TCP", facts.name_of(socket));
    let fix = format!("ask it over UDP: nc -u {} {port}; or start the TCP app", facts.host);
    Some(Check::fail("udp", summary, fix))
}

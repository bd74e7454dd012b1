//! Does anything listen?

use portlease_proto::{Check, SocketState, Transport};

use super::{Facts, fail, ok};

pub(super) fn check(facts: &Facts) -> Option<Check> {
    const ID: &str = "listening";
    let port = facts.report.port;
    if let Some(first) = facts.listeners().next() {
        let addresses: Vec<String> = facts.addresses().iter().map(ToString::to_string).collect();
        return Some(ok(ID, format!("{} listens on {}", facts.name_of(first), addresses.join(", "))));
    }
    // Those have more to say.
    if facts.is_bound_only() || facts.sockets(Transport::Udp, SocketState::Listening).next().is_some() {
        return None;
    }
    let fix = match &facts.report.lease {
        Some(lease) => format!("start {}/{}, and tell it to listen on {port}", lease.project, lease.service),
        None => "start the app; if it runs, see where it listens: portlease ports".to_owned(),
    };
    Some(fail(ID, format!("nothing listens on port {port}"), fix))
}

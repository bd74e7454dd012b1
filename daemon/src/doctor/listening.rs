//! Does anything listen?

use portlease_proto::{Check, SocketState, Transport};

use super::Facts;
use crate::{
    frameworks::{any_port_option, port_option},
    manager::LastApp,
};

pub(super) fn check(facts: &Facts) -> Option<Check> {
    const ID: &str = "listening";
    let port = facts.report.port;
    if let Some(first) = facts.listeners().next() {
        let addresses: Vec<String> = facts.addresses().iter().map(ToString::to_string).collect();
        return Some(Check::ok(ID, format!("{} listens on {}", facts.name_of(first), addresses.join(", "))));
    }
    // Those have more to say.
    if facts.is_bound_only() || facts.sockets(Transport::Udp, SocketState::Listening).next().is_some() {
        return None;
    }
    let nothing = format!("nothing listens on port {port}");
    let Some(lease) = &facts.report.lease else {
        let fix = "start the app; if it runs, see where it listens: portlease ports";
        return Some(Check::fail(ID, nothing, fix));
    };
    if !facts.whereabouts.elsewhere.is_empty() {
        return None;
    }
    let name = format!("{}/{}", lease.project, lease.service);
    Some(match &facts.whereabouts.last {
        Some(LastApp { holder, until }) => {
            let option = holder.command.as_deref().and_then(|command| port_option(command, port));
            let how = option.map_or_else(|| format!(", with PORT={port}"), |option| format!(": {option}"));
            Check::fail(
                ID,
                format!("{nothing}; {name} was there until {until}: {holder}"),
                format!("start it again{how}"),
            )
        }
        None => Check::fail(ID, nothing, format!("start {name} on it: {}", any_port_option(port))),
    })
}

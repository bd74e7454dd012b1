//! Does the API answer where it is looked for?

use portlease_proto::{Check, Port};

use super::MachineFacts;

/// The port that is written in other programs' settings.
pub(super) fn port(facts: &MachineFacts) -> Check {
    const ID: &str = "api_port";
    let (health, wanted) = (&facts.health, facts.health.wanted_port);
    let there = health.endpoint.port;
    if there == Some(wanted) {
        return Check::ok(ID, format!("the API is on port {wanted}"));
    }
    let now = there.map_or_else(|| "not on TCP".to_owned(), |port| format!("on port {port}"));
    match &health.wanted_port_holder {
        Some(holder) => {
            let next = match holder.pid {
                Some(_) => format!("stop it: portlease stop {wanted}"),
                None => format!("see what is on it: portlease who {wanted}"),
            };
            Check::warn(
                ID,
                format!("port {wanted} is taken by {holder}, so the API is {now}"),
                format!("{next}; the daemon goes back there by itself"),
            )
        }
        None => Check::warn(
            ID,
            format!("port {wanted} was not to be had, so the API is {now}"),
            format!("see what is on it: portlease who {wanted}; the daemon goes back there by itself"),
        ),
    }
}

/// `localhost` is two addresses.
pub(super) fn addresses(facts: &MachineFacts) -> Check {
    const ID: &str = "addresses";
    let addresses = &facts.health.endpoint.addresses;
    let on = |loopback: &str| addresses.iter().any(|address| address.starts_with(loopback));
    let missing: Vec<&str> = ["127.0.0.1", "[::1]"].into_iter().filter(|loopback| !on(loopback)).collect();
    match missing[..] {
        [] => Check::ok(ID, "127.0.0.1 and [::1]"),
        // The check of the port has said so.
        [_, _] => Check::warn(ID, "on neither 127.0.0.1 nor [::1]", "use the Unix socket: portlease status"),
        _ => {
            let missing = missing.join(" and ");
            let port = facts.health.endpoint.port.unwrap_or(Port::constant(62893));
            Check::warn(
                ID,
                format!("the API is not on {missing}, only on {}", addresses.join(" and ")),
                format!(
                    "see what is on port {port}: portlease who {port}; or whether the machine has that address: ip addr show lo"
                ),
            )
        }
    }
}

//! Does the app listen on another port than that of its lease?

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use portlease_proto::{Check, LeaseState};

use super::Facts;
use crate::{frameworks::port_option, manager::Elsewhere};

/// The most other ports that are named.
const MOST: usize = 5;

pub(super) fn check(facts: &Facts) -> Option<Check> {
    let lease = facts.report.lease.as_ref().filter(|lease| lease.state != LeaseState::Bound)?;
    let (first, others) = split(&facts.whereabouts.elsewhere)?;
    let port = facts.report.port;
    let name = format!("{}/{}", lease.project, lease.service);
    let mut summary = format!("{name} is not on its port {port}: {} listens on {}", first.holder, first.port);
    if !others.is_empty() {
        let ports: Vec<String> = others.iter().take(MOST).map(|other| other.port.to_string()).collect();
        summary.push_str(&format!("; also {}", ports.join(", ")));
    }
    let how = match first.holder.command.as_deref().and_then(|command| port_option(command, port)) {
        Some(option) => format!(": {option}"),
        None => format!(", with PORT={port}"),
    };
    Some(Check::fail(
        "elsewhere",
        summary,
        format!("start it on its own port{how}; until then: {}", url(first)),
    ))
}

/// The one that is most likely to be meant: an app that we know how to move.
fn split(elsewhere: &[Elsewhere]) -> Option<(&Elsewhere, Vec<&Elsewhere>)> {
    let known = |there: &&Elsewhere| {
        there.holder.command.as_deref().is_some_and(|command| port_option(command, there.port).is_some())
    };
    let first = elsewhere.iter().find(known).or(elsewhere.first())?;
    Some((first, elsewhere.iter().filter(|other| other.port != first.port).collect()))
}

fn url(there: &Elsewhere) -> String {
    match there.address {
        address if address.is_unspecified() || address == IpAddr::V4(Ipv4Addr::LOCALHOST) => {
            format!("http://localhost:{}", there.port)
        }
        address => format!("http://{}", SocketAddr::new(address, there.port.get())),
    }
}

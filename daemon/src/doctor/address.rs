//! Does the app listen where the client goes?

use std::net::{IpAddr, SocketAddr};

use portlease_proto::Check;

use super::{Facts, Host};
use crate::sockets::is_loopback;

const ID: &str = "address";

pub(super) fn check(facts: &Facts) -> Option<Check> {
    if !facts.is_listening() {
        return None;
    }
    let wanted = facts.host.addresses();
    let (reached, missed): (Vec<IpAddr>, Vec<IpAddr>) =
        wanted.iter().partition(|address| facts.reaches(**address));
    Some(match (reached.first(), missed.first()) {
        (Some(_), None) => Check::ok(ID, format!("{} leads there", facts.host)),
        (Some(reached), Some(missed)) => half(facts, *reached, *missed),
        (None, _) => none(facts),
    })
}

/// One of the addresses of `localhost` leads there. Nearly all clients try
/// both; those that know IPv4 alone are many more than those that know IPv6
/// alone.
fn half(facts: &Facts, reached: IpAddr, missed: IpAddr) -> Check {
    let summary = format!("{} leads there by {reached}, not by {missed}", facts.host);
    match missed {
        IpAddr::V6(_) => Check::ok(ID, summary),
        IpAddr::V4(_) => {
            let fix = format!(
                "where IPv4 is meant, use {}, or let the app listen on 127.0.0.1",
                url(facts, reached)
            );
            Check::warn(ID, summary, fix)
        }
    }
}

fn none(facts: &Facts) -> Check {
    let there = facts.addresses();
    let names: Vec<String> = there.iter().map(ToString::to_string).collect();
    let all = |holds: fn(&IpAddr) -> bool| there.iter().all(holds);
    let why = match &facts.host {
        Host::Address(IpAddr::V4(wanted)) if all(IpAddr::is_ipv6) => {
            format!("which is IPv6, and {wanted} is IPv4")
        }
        Host::Address(IpAddr::V6(wanted)) if all(IpAddr::is_ipv4) => {
            format!("which is IPv4, and {wanted} is IPv6")
        }
        Host::Address(wanted) if !is_loopback(*wanted) && all(|address| is_loopback(*address)) => {
            "which this machine alone reaches".to_owned()
        }
        host if all(|address| !is_loopback(*address)) => {
            format!("an address of the network, and {host} is another one")
        }
        host => format!("which is another address than {host}"),
    };
    let own = facts.host.addresses().last().copied();
    let bind = own.map(|own| format!(", or let the app listen on {own}")).unwrap_or_default();
    let fix = match there.first() {
        Some(address) => format!("use {}{bind}", url(facts, *address)),
        None => String::new(),
    };
    Check::fail(ID, format!("it listens on {} only, {why}", names.join(", ")), fix)
}

/// A wildcard is reached by the loopback address of its family.
fn url(facts: &Facts, address: IpAddr) -> String {
    let address = match address {
        IpAddr::V4(v4) if v4.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(v6) if v6.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    format!("http://{}", SocketAddr::new(address, facts.report.port.get()))
}

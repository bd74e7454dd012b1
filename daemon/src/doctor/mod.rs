//! Why can't I connect? Judges what was found on a port, one cause after the
//! other. Pure: what is to be known is gathered before.

mod address;
mod bound_only;
mod browser;
mod connect;
mod elsewhere;
mod facts;
mod firewall;
mod host;
mod hosts;
mod listening;
mod machine;
mod owner;
mod queue;
mod scheme;
mod stopped;
#[cfg(test)]
mod tests;
mod tls;
mod udp;
mod way;

use portlease_proto::{Check, Diagnosis};

pub use facts::Facts;
pub use firewall::{Listing, Program, Unread};
pub use host::{Host, InvalidHost};
pub use hosts::Names;
pub use machine::{MachineFacts, diagnose_machine};
pub use scheme::{Scheme, Target};
pub use tls::Speech;
pub use way::{Attempt, Outcome, Way};

/// Looks at one cause; none when there is nothing to be said of it.
type Judge = fn(&Facts) -> Option<Check>;

/// The likeliest causes first.
const JUDGES: [Judge; 13] = [
    listening::check,
    elsewhere::check,
    bound_only::check,
    udp::check,
    address::check,
    owner::check,
    stopped::check,
    queue::check,
    connect::check,
    firewall::check,
    hosts::check,
    tls::check,
    browser::check,
];

/// Every check that applies.
#[must_use]
pub fn diagnose(facts: &Facts) -> Diagnosis {
    let checks = JUDGES.iter().filter_map(|judge| judge(facts)).collect();
    Diagnosis { port: facts.report.port, host: facts.host.to_string(), checks }
}

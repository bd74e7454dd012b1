//! Does a connection get through, where the table says that somebody listens?

use portlease_proto::Check;

use super::{Facts, Host, Outcome, firewall};

const ID: &str = "connect";

pub(super) fn check(facts: &Facts) -> Option<Check> {
    let way = &facts.way;
    let first = way.attempts.first()?;
    let Some(obstructed) = way.obstructed() else {
        return Some(match way.attempts_that(Outcome::Answered).next() {
            Some(attempt) => Check::ok(ID, format!("{} takes connections", attempt.address)),
            None => absent(facts, &first.address.ip().to_string()),
        });
    };
    // Who names the rule has more to say.
    if firewall::check(facts).is_some() {
        return None;
    }
    let address = obstructed.address;
    let what = match obstructed.outcome {
        Outcome::Silent => "does not answer, although it is listened on: something drops the packets",
        _ => "is refused, although it is listened on: something rejects the packets",
    };
    let summary = format!("{address} {what}, most likely a firewall");
    let fix = firewall::look(&way.rules);
    Some(if way.has_answer() { Check::warn(ID, summary, fix) } else { Check::fail(ID, summary, fix) })
}

fn absent(facts: &Facts, address: &str) -> Check {
    let fix = match &facts.host {
        Host::Local(_) => "bring the loopback interface up: sudo ip link set lo up",
        Host::Address(_) => "use one that it has: ip -brief address",
    };
    Check::fail(ID, format!("this machine does not have the address {address}"), fix)
}

//! Is what leases stand on whole?

use portlease_proto::Check;

use super::MachineFacts;
use crate::clock::rfc3339;

/// The most leases that are named.
const MOST: usize = 3;

pub(super) fn sockets(facts: &MachineFacts) -> Check {
    const ID: &str = "sockets";
    match &facts.condition.sockets {
        None => Check::ok(ID, "the kernel tells of sockets"),
        Some(why) => Check::fail(
            ID,
            format!("the kernel does not tell of sockets: {why}"),
            "let the daemon use netlink: a sandbox may forbid AF_NETLINK (RestrictAddressFamilies=)",
        ),
    }
}

pub(super) fn store(facts: &MachineFacts) -> Check {
    const ID: &str = "store";
    match &facts.condition.store {
        None => Check::ok(ID, "the registry is whole"),
        Some(why) => Check::fail(
            ID,
            why,
            "see to the disk (df -h); a damaged registry is set aside when the daemon starts again",
        ),
    }
}

/// Jumps cannot be seen afterwards, but a clock that is behind what it said
/// before was set back.
pub(super) fn clock(facts: &MachineFacts) -> Check {
    const ID: &str = "clock";
    let condition = &facts.condition;
    match condition.renewed.filter(|renewed| *renewed > condition.wall) {
        None => Check::ok(ID, "not behind the registry"),
        Some(renewed) => Check::warn(
            ID,
            format!(
                "the clock says {}, and a lease was granted or renewed at {}: it was set back",
                rfc3339(condition.wall),
                rfc3339(renewed)
            ),
            "set it: timedatectl set-ntp true; leases last as long as they should in any case",
        ),
    }
}

pub(super) fn roots(facts: &MachineFacts) -> Check {
    const ID: &str = "roots";
    let gone = &facts.condition.gone;
    let Some(first) = gone.first() else { return Check::ok(ID, "all there") };
    let mut named: Vec<String> =
        gone.iter().take(MOST).map(|lease| format!("{} ({})", lease.key, lease.root)).collect();
    if let Some(more) = gone.len().checked_sub(MOST).filter(|more| *more > 0) {
        named.push(format!("and {more} more"));
    }
    let fix = format!("give its port back: portlease release {} {}", first.key.project, first.key.service);
    Check::warn(ID, format!("leases whose directory is gone: {}", named.join(", ")), fix)
}

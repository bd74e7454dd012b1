//! Is there room for more leases?

use portlease_proto::{Check, PortRange};

use super::MachineFacts;
use crate::{allocator::DEFAULT_POOL, manager::PortCounts};

/// Below this part of all, in percent, there is little left.
const LITTLE: usize = 10;

/// The pool against what the kernel keeps for itself.
pub(super) fn pool(facts: &MachineFacts) -> Check {
    const ID: &str = "pool";
    let condition = &facts.condition;
    let overlaps = |kept: &PortRange| condition.pool.iter().any(|range| range.overlaps(*kept));
    let names = |ranges: &[PortRange]| ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let pool = names(&condition.pool);
    let fix =
        format!("choose another in config.toml, such as pool = \"{DEFAULT_POOL}\", and restart the daemon");
    if let Some(ephemeral) = condition.kernel.ephemeral.filter(|range| overlaps(range)) {
        let summary = format!(
            "the pool {pool} overlaps {ephemeral}, from which the kernel serves outgoing connections: those ports are never given"
        );
        return Check::warn(ID, summary, fix);
    }
    let reserved: Vec<PortRange> = condition.kernel.reserved.iter().copied().filter(overlaps).collect();
    if !reserved.is_empty() {
        let summary = format!(
            "the pool {pool} overlaps {} of net.ipv4.ip_local_reserved_ports: those ports are never given",
            names(&reserved)
        );
        return Check::warn(ID, summary, fix);
    }
    Check::ok(ID, pool)
}

pub(super) fn ports(facts: &MachineFacts) -> Check {
    const ID: &str = "ports";
    let PortCounts { excluded, leased, left } = facts.condition.ports;
    let summary = format!("{leased} leased, {excluded} excluded, {left} left");
    let fix = "see what can go: portlease list; or widen the pool in config.toml";
    match left {
        0 => Check::fail(ID, summary, fix),
        left if left * 100 < (excluded + leased + left) * LITTLE => Check::warn(ID, summary, fix),
        _ => Check::ok(ID, summary),
    }
}

pub(super) fn open_files(facts: &MachineFacts) -> Check {
    const ID: &str = "open_files";
    let (used, most) = facts.condition.files;
    let summary = format!("leases have {used} of {most} open files");
    let fix = "raise the limit before the daemon starts: ulimit -Hn, or LimitNOFILE= of the service";
    match most.saturating_sub(used) {
        0 => Check::fail(ID, summary, fix),
        _ if most == usize::MAX => Check::ok(ID, "no limit"),
        left if left < most / 100 * LITTLE => Check::warn(ID, summary, fix),
        _ => Check::ok(ID, summary),
    }
}

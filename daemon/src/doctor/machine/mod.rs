//! How is the daemon, and the machine under it? What only a client sees, such
//! as a daemon that does not answer, the client judges.

mod api;
mod registry;
mod space;
#[cfg(test)]
mod tests;

use portlease_proto::{Check, Health, MachineDiagnosis};

use crate::manager::Condition;

/// What the checks judge by.
#[derive(Debug, Clone)]
pub struct MachineFacts {
    /// What the daemon says of itself.
    pub health: Health,
    /// What leases stand on.
    pub condition: Condition,
}

type Judge = fn(&MachineFacts) -> Check;

/// From the outside in.
const JUDGES: [Judge; 9] = [
    api::port,
    api::addresses,
    registry::sockets,
    registry::store,
    registry::clock,
    registry::roots,
    space::pool,
    space::ports,
    space::open_files,
];

/// Every check.
#[must_use]
pub fn diagnose_machine(facts: &MachineFacts) -> MachineDiagnosis {
    MachineDiagnosis { checks: JUDGES.iter().map(|judge| judge(facts)).collect() }
}

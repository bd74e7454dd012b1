//! Is it the app that the port is leased to?

use portlease_proto::{Check, LeaseState};

use super::Facts;

pub(super) fn check(facts: &Facts) -> Option<Check> {
    const ID: &str = "owner";
    let lease = facts.report.lease.as_ref()?;
    let name = format!("{}/{}", lease.project, lease.service);
    match lease.state {
        LeaseState::Bound => Some(Check::ok(ID, format!("{name} is already running here: {}", lease.url))),
        LeaseState::Taken => {
            let port = lease.port;
            let fix = format!(
                "stop it: portlease stop {port}; or move: portlease get {} {}",
                lease.project, lease.service
            );
            Some(Check::fail(ID, format!("{name}: {port} is {}", lease.standing()), fix))
        }
        LeaseState::Reserved | LeaseState::Stale | LeaseState::Unknown => None,
    }
}

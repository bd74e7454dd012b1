//! Is it the app that the port is leased to?

use portlease_proto::{Check, LeaseState};

use super::{Facts, fail, ok};

pub(super) fn check(facts: &Facts) -> Option<Check> {
    const ID: &str = "owner";
    let lease = facts.report.lease.as_ref()?;
    let name = format!("{}/{}", lease.project, lease.service);
    match lease.state {
        LeaseState::Bound => Some(ok(ID, format!("it is the app of {name}"))),
        LeaseState::Taken => {
            let port = lease.port;
            let who = lease.holder.as_ref().map_or_else(
                || "another portlease daemon of this machine has claimed it".to_owned(),
                |holder| format!("a stranger is on it: {holder}"),
            );
            let fix = format!(
                "stop it: portlease stop {port}; or move: portlease get {} {}",
                lease.project, lease.service
            );
            Some(fail(ID, format!("port {port} is leased to {name}, and {who}"), fix))
        }
        LeaseState::Reserved | LeaseState::Stale | LeaseState::Unknown => None,
    }
}

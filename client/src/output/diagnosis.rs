//! What the doctor found, in lines.

use portlease_proto::{Check, Diagnosis, escape};

use super::value;

/// Prints how a port is.
pub(crate) fn diagnosis(diagnosis: &Diagnosis) {
    value(&format!("port {} at {}", diagnosis.port, escape(&diagnosis.host)));
    checks(&diagnosis.checks);
}

/// Prints each check, and under it what to do.
pub(crate) fn checks(checks: &[Check]) {
    for check in checks {
        value(&format!("{:<4}  {:<10}  {}", check.status, escape(&check.id), escape(&check.summary)));
        if let Some(fix) = &check.fix {
            value(&format!("{:<4}  {:<10}  → {}", "", "", escape(fix)));
        }
    }
}

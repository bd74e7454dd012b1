//! Would a browser open the port?

use portlease_proto::Check;

use super::Facts;
use crate::allocator::is_browser_blocked;

pub(super) fn check(facts: &Facts) -> Option<Check> {
    let port = facts.report.port;
    if !is_browser_blocked(port) {
        return None;
    }
    let fix = match &facts.report.lease {
        Some(lease) => format!("move: portlease get {} {} --reset", lease.project, lease.service),
        None => "let the app have another port: portlease get NAME".to_owned(),
    };
    Some(Check::fail("browser", format!("browsers refuse to open port {port} (ERR_UNSAFE_PORT)"), fix))
}

//! Does the process run at all? The kernel goes on taking connections for one
//! that is stopped.

use portlease_proto::Check;

use super::Facts;

pub(super) fn check(facts: &Facts) -> Option<Check> {
    const ID: &str = "stopped";
    let holders = facts.listeners().filter_map(|socket| facts.holder_of(socket));
    let mut seen = holders.filter(|holder| holder.process.pid.is_some()).peekable();
    seen.peek()?;
    match seen.find(|holder| holder.stopped) {
        None => Some(Check::ok(ID, "its process is not stopped")),
        Some(holder) => {
            let pid = holder.process.pid.unwrap_or_default();
            let summary =
                format!("{} is stopped (SIGSTOP or Ctrl-Z), so nobody gets an answer", holder.process);
            Some(Check::fail(ID, summary, format!("let it go on: kill -CONT {pid}")))
        }
    }
}

//! Which network namespace a process is in: ports are of one.

/// Whether a process is seen to be in another network namespace than this one.
/// What cannot be seen (another user's process, one that is gone, one of
/// another PID namespace) is not.
#[cfg(target_os = "linux")]
#[must_use]
pub fn is_elsewhere(pid: u32) -> bool {
    // namespaces(7): the same text is the same namespace.
    let of = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/net")).ok();
    let (theirs, ours) = (of(&pid.to_string()), of("self"));
    theirs.is_some() && ours.is_some() && theirs != ours
}

/// There are no such namespaces.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn is_elsewhere(_pid: u32) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_here_and_one_that_is_gone_is_not_elsewhere() {
        assert!(!is_elsewhere(std::process::id()) && !is_elsewhere(u32::MAX));
    }
}

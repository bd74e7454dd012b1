//! systemd's way, sd_listen_fds(3): files from number 3 on, their count and
//! names in the environment.

use std::{
    io,
    os::fd::{FromRawFd, OwnedFd},
};

pub(super) fn passed() -> io::Result<Vec<(String, OwnedFd)>> {
    let passed = sd_notify::listen_fds_with_names()?;
    Ok(passed.map(|(number, name)| (name, own(number))).collect())
}

#[expect(unsafe_code, reason = "a number from the environment becomes a file of ours")]
fn own(number: i32) -> OwnedFd {
    // SAFETY: these numbers were opened for this very process (LISTEN_PID) and
    // are in nobody's hands yet; sd_notify has just set a flag on each, so they
    // are open.
    unsafe { OwnedFd::from_raw_fd(number) }
}

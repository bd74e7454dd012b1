//! Network namespaces, so that nothing on the machine is part of a test. They
//! take root.

use std::{
    io::Write,
    panic::resume_unwind,
    process::{Command, Stdio},
    thread,
};

use rustix::thread::{UnshareFlags, unshare_unsafe};

/// Runs `work` in a thread with a fresh network namespace in which `lo` is up.
/// Processes that it starts inherit the namespace.
pub(crate) fn in_new_netns<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            leave_netns();
            ip("link set lo up");
            work()
        });
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Runs commands of ip(8), one a line.
pub(crate) fn ip(commands: &str) {
    let mut ip = Command::new("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    ip.stdin.take().unwrap().write_all(commands.as_bytes()).unwrap();
    assert!(ip.wait().unwrap().success(), "ip {commands}");
}

#[expect(unsafe_code, reason = "only unsharing the file table can confuse Rust, and it stays shared")]
fn leave_netns() {
    // SAFETY: the flag is not `FILES`.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.unwrap();
}

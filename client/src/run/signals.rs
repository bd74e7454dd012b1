//! Signals that this command takes for the app that it runs.

use std::io;

use nix::sys::signal::{SigSet, Signal};
use signal_hook::{
    consts::signal::{SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2},
    iterator::{SignalsInfo, exfiltrator::WithOrigin},
};

/// What is passed on to the app.
const PASSED: [i32; 6] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];

/// Taken from now on; until then they end this command as they end any.
#[derive(Debug)]
pub(crate) struct Signals(pub(super) SignalsInfo<WithOrigin>);

impl Signals {
    /// Those that are ignored stay so, for the app as well: nohup, and what a
    /// script starts in the background.
    pub(crate) fn take() -> io::Result<Self> {
        let passed = PASSED.into_iter().filter(|signal| !is_ignored(*signal));
        SignalsInfo::new(passed.chain([SIGCHLD, SIGCONT])).map(Self)
    }
}

/// Blocks what stops a process, in this thread and those that it starts. A call
/// that stops its own process returns after the stop only if no other thread
/// can take the signal: so all block it, but the one that supervises.
pub(crate) fn block_stops() -> io::Result<()> {
    Ok(stops().thread_block()?)
}

pub(super) fn stops() -> SigSet {
    [Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU].into_iter().collect()
}

fn is_ignored(signal: i32) -> bool {
    // SAFETY: all bytes zero are a sigaction, and with no new action given the call only fills it.
    #[expect(unsafe_code, reason = "no library asks for a signal's action without changing it")]
    let (asked, action) = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        (libc::sigaction(signal, std::ptr::null(), &raw mut action), action)
    };
    asked == 0 && action.sa_sigaction == libc::SIG_IGN
}

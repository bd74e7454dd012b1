//! The terminal: which process group it listens to.

use std::fs::File;

use rustix::{
    process::{Pid, getpid},
    termios::{tcgetpgrp, tcsetpgrp},
};

/// Where on the terminal an app runs.
#[derive(Debug)]
pub(crate) enum Place {
    /// In a process group of its own, which gets the terminal when it is this
    /// command's: a shell with job control started this command.
    Job(Terminal),
    /// In the group of this command, which somebody else leads and which has
    /// the terminal: make, npm, a script. To take the terminal away from them
    /// would keep Ctrl-C from them.
    Shared,
    /// In a process group of its own, with no terminal to care for.
    Apart,
}

impl Place {
    /// As it is now.
    pub(crate) fn find() -> Self {
        let leads = group() == Some(getpid());
        match Terminal::open() {
            Some(terminal) if leads => Self::Job(terminal),
            Some(terminal) if terminal.is_ours() => Self::Shared,
            _ => Self::Apart,
        }
    }

    /// Whether the app gets a process group of its own.
    pub(crate) fn is_apart(&self) -> bool {
        !matches!(self, Self::Shared)
    }

    /// Gives the terminal to the app, if it is ours to give.
    pub(crate) fn give(&self, group: Pid) {
        if let Self::Job(terminal) = self
            && terminal.is_ours()
        {
            terminal.hand_to(group);
        }
    }

    /// Takes the terminal back, if the app has it. A job is led by this command.
    pub(crate) fn take(&self, group: Pid) {
        if let Self::Job(terminal) = self
            && terminal.foreground() == Some(group)
        {
            terminal.hand_to(getpid());
        }
    }
}

/// The process group of this command; none if it was made in another name
/// space of pids, where it has a number that means nothing here.
fn group() -> Option<Pid> {
    Pid::from_raw(nix::unistd::getpgrp().as_raw())
}

/// The controlling terminal.
#[derive(Debug)]
pub(crate) struct Terminal(File);

impl Terminal {
    fn open() -> Option<Self> {
        let file = File::options().read(true).write(true).open("/dev/tty").ok()?;
        Some(Self(file))
    }

    fn foreground(&self) -> Option<Pid> {
        tcgetpgrp(&self.0).ok()
    }

    fn is_ours(&self) -> bool {
        group().is_some_and(|group| self.foreground() == Some(group))
    }

    /// Who is not in the foreground is stopped for this by SIGTTOU, unless
    /// the signal is blocked.
    fn hand_to(&self, group: Pid) {
        use nix::sys::signal::{SigSet, Signal};
        let signal: SigSet = [Signal::SIGTTOU].into_iter().collect();
        let blocked = signal.thread_block();
        // The group may have ended, or the terminal: both is learned elsewhere.
        let _gone = tcsetpgrp(&self.0, group);
        if blocked.is_ok() {
            let _unlikely = signal.thread_unblock();
        }
    }
}

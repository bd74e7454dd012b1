//! A terminal with a shell in it, and somebody who types.

use std::{
    fs::File,
    io::{Read, Write},
    process::{Child, Command},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use super::support::Home;

/// How long what is waited for may take.
const PATIENCE: Timespec = Timespec { tv_sec: 20, tv_nsec: 0 };

/// An interactive shell with job control; it ends when this does.
pub(crate) struct Terminal {
    terminal: File,
    shell: Child,
    /// What was shown and not yet waited for.
    shown: String,
}

impl Terminal {
    /// `shell` runs on a new terminal, with `portlease` on its path.
    pub(crate) fn open(home: &Home, shell: &[&str]) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let end = || File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let bin = std::path::Path::new(env!("CARGO_BIN_EXE_portlease")).parent().unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let shell = Command::new("setsid")
            .args(["--ctty", "--wait"])
            .args(shell)
            .env_clear()
            .envs([("PATH", path.as_str()), ("TERM", "dumb"), ("PS1", "READY> ")])
            .env("PORTLEASE_HOME", home.dir())
            .env("PORTLEASE_PROJECT", "app")
            .current_dir(home.dir())
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        Self { terminal: File::from(terminal), shell, shown: String::new() }
    }

    pub(crate) fn type_in(&mut self, text: &str) {
        self.terminal.write_all(text.as_bytes()).unwrap();
    }

    /// Waits until `text` is shown; what came before it.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        loop {
            if let Some((before, after)) = self.shown.split_once(text) {
                let before = before.to_owned();
                self.shown = after.to_owned();
                return before;
            }
            let mut ready = [PollFd::new(&self.terminal, PollFlags::IN)];
            assert_eq!(poll(&mut ready, Some(&PATIENCE)), Ok(1), "no {text:?} in {:?}", self.shown);
            let mut bytes = [0; 4096];
            let read = self.terminal.read(&mut bytes);
            let read = read.unwrap_or_else(|error| panic!("{error}: no {text:?} in {:?}", self.shown));
            self.shown.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    }

    pub(crate) fn resize(&mut self, rows: u16, columns: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.terminal, size).unwrap();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ended = self.shell.kill();
        let _ended = self.shell.wait();
    }
}

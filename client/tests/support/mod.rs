//! A home with a daemon of its own, driven through the real binary.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File},
    io::Write,
    os::unix::{ffi::OsStrExt, fs::DirBuilderExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};

/// How long anything that is waited for may take.
const PATIENCE: Timespec = Timespec { tv_sec: 20, tv_nsec: 0 };

/// `PORTLEASE_HOME` in a temporary directory. Dropping it ends its daemon.
pub(crate) struct Home {
    temp: tempfile::TempDir,
    config: String,
    /// The program and what comes before it, such as `setpriv`.
    launcher: Vec<OsString>,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    /// With this `config.toml`, for commands that begin with `launcher`.
    pub(crate) fn new(launcher: Vec<OsString>, config: &str) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let home = Self { temp, config: config.to_owned(), launcher };
        home.write_config();
        home
    }

    /// The directory with nothing but the configuration in it.
    pub(crate) fn write_config(&self) {
        DirBuilder::new().recursive(true).mode(0o700).create(self.dir()).unwrap();
        File::create(self.dir().join("config.toml")).unwrap().write_all(self.config.as_bytes()).unwrap();
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.temp.path().join("home")
    }

    /// The environment is cleared, so that no setting of whoever runs the
    /// tests is part of them.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.launcher[0]);
        command.args(&self.launcher[1..]).args(args).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("PORTLEASE_HOME", self.dir()).stdin(Stdio::null());
        // No directory of a project.
        command.current_dir(self.temp.path());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().unwrap())
    }

    /// Ends every daemon of this home, and returns when they are gone.
    pub(crate) fn kill(&self, signal: Signal) {
        for pid in self.daemons() {
            // One that is gone already needs no signal.
            let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { continue };
            let _may_be_gone = pidfd_send_signal(&pidfd, signal);
            let ended = poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&PATIENCE));
            assert_eq!(ended, Ok(1), "daemon {pid:?} outlived {signal:?}");
        }
    }

    /// The daemons of this home, found by what they were started with, since
    /// every file that tells of them may be deleted.
    pub(crate) fn daemons(&self) -> Vec<Pid> {
        let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let path = entry.unwrap().path();
            let pid = path.file_name()?.to_str()?.parse().ok()?;
            self.is_daemon(&path).then(|| Pid::from_raw(pid)).flatten()
        });
        processes.collect()
    }

    fn is_daemon(&self, process: &Path) -> bool {
        let mut ours = b"PORTLEASE_HOME=".to_vec();
        ours.extend(self.dir().as_os_str().as_bytes());
        let has = |file: &str, word: &[u8]| {
            fs::read(process.join(file)).is_ok_and(|text| text.split(|byte| *byte == 0).any(|w| w == word))
        };
        has("environ", &ours) && has("cmdline", b"daemon")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.kill(Signal::KILL);
    }
}

impl From<std::process::Output> for Ran {
    fn from(output: std::process::Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Ran {
    /// The port, if it is alone on standard output.
    pub(crate) fn port(&self) -> Result<u16, String> {
        let port = self.stdout.strip_suffix('\n').and_then(|line| line.parse().ok());
        port.filter(|_| self.code == 0)
            .ok_or_else(|| format!("no port: {}{}[exit {}]", self.stdout, self.stderr, self.code))
    }

    /// The lease or the problem, as `--json` tells it.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_default()
    }
}

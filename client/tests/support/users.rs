//! Other users: homes of theirs, and processes that run as they. They take root.

use std::{
    ffi::OsString,
    fs::{self, Permissions},
    io::{BufRead, BufReader, Write},
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use crate::support::Home;

/// Set for helpers, so that a run of all tests takes none for one.
const HELPING: &str = "PORTLEASE_TEST_HELPING";

/// Copies of this test and of `portlease`, which lie where only their builder
/// can read them, in a place that every user can.
pub(crate) struct Programs {
    temp: tempfile::TempDir,
}

impl Programs {
    pub(crate) fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        fs::set_permissions(temp.path(), Permissions::from_mode(0o755)).unwrap();
        let programs = Self { temp };
        copy(Path::new(env!("CARGO_BIN_EXE_portlease")), &programs.portlease());
        copy(&std::env::current_exe().unwrap(), &programs.this_test());
        programs
    }

    fn portlease(&self) -> PathBuf {
        self.temp.path().join("portlease")
    }

    fn this_test(&self) -> PathBuf {
        self.temp.path().join("test")
    }

    /// A home of this user, whose commands run as the user.
    pub(crate) fn home_of(&self, uid: u32, config: &str) -> Home {
        let home = Home::new(as_user(uid, &self.portlease()), config);
        let dir = home.dir();
        for path in [dir.parent().unwrap(), &dir, &dir.join("config.toml")] {
            chown(path, Some(uid), Some(uid)).unwrap();
        }
        home
    }

    /// Starts this test again as a user, to run nothing but the test `helper`.
    pub(crate) fn helper(&self, uid: u32, helper: &str) -> Helper {
        let words = as_user(uid, &self.this_test());
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .args(["--exact", helper, "--include-ignored", "--nocapture"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env(HELPING, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Helper { child, lines }
    }
}

/// By another process: a program that this one writes is handed, still open,
/// to whatever another test starts meanwhile, and cannot be run (ETXTBSY).
fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").args([from, to]).status().unwrap().success());
}

fn as_user(uid: u32, program: &Path) -> Vec<OsString> {
    let uid = uid.to_string();
    let words = ["setpriv", "--reuid", &uid, "--regid", &uid, "--clear-groups"];
    words.iter().map(OsString::from).chain([program.into()]).collect()
}

/// A process that is told lines on its standard input and answers with lines.
pub(crate) struct Helper {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Helper {
    /// Reads up to the line `word`, and returns the lines before it.
    pub(crate) fn wait_for(&mut self, word: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "it ended before {word}: {lines:?}");
            if line.trim_end() == word {
                return lines;
            }
            lines.push(line.trim_end().to_owned());
        }
    }

    /// Sends it a line.
    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _may_be_gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// The first line that this process is told, if it was started as a helper.
pub(crate) fn told() -> Option<String> {
    std::env::var_os(HELPING)?;
    std::io::stdin().lines().next()?.ok()
}

/// Answers with a line. The test harness may have left half a line there.
pub(crate) fn say(line: &str) {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "\n{line}").and_then(|()| stdout.flush()).unwrap();
}

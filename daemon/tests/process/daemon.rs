//! A daemon under test, in a home of its own; killed when it is dropped.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use portleased::clock::{Clock, SystemClock};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::{NamedTempFile, TempDir};

use crate::support::{
    http::{Answer, Connection, PATIENCE, request},
    ports::{POOL, Ports},
    stream::Stream,
};

/// `PORTLEASE_HOME`.
pub(crate) struct Home {
    pub(crate) ports: Ports,
    dir: TempDir,
}

pub(crate) struct Daemon<'a> {
    home: &'a Home,
    child: Child,
    log: NamedTempFile,
}

impl Home {
    /// A home with a configuration that keeps the daemon to ports of its own.
    pub(crate) fn new() -> Self {
        let home = Self { ports: Ports::take(), dir: tempfile::tempdir().unwrap() };
        fs::DirBuilder::new().mode(0o700).create(home.path("")).unwrap();
        home.configure(home.api(), "");
        home
    }

    /// The API's port, which is no port for leases.
    pub(crate) fn api(&self) -> u16 {
        self.ports.at(POOL - 1)
    }

    pub(crate) fn configure(&self, api: u16, more: &str) {
        let text = format!("{more}\npool = \"{}\"\n[api]\nport = {api}\n", self.ports.pool());
        overwrite(&self.path("config.toml"), &text);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("home").join(name)
    }

    /// Takes a directory away at once, so that a daemon which puts its files
    /// back does not do so in the midst of it.
    pub(crate) fn delete(&self, name: &str) {
        let away = self.dir.path().join("away");
        fs::rename(self.path(name), &away).unwrap();
        fs::remove_dir_all(away).unwrap();
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("run/portlease.sock")
    }

    /// The names of the files in the home that begin so.
    pub(crate) fn files(&self, beginning: &str) -> Vec<PathBuf> {
        let names = fs::read_dir(self.path("")).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.retain(|name| name.starts_with(beginning));
        names.sort_unstable();
        names.iter().map(|name| self.path(name)).collect()
    }

    pub(crate) fn spawn(&self) -> Daemon<'_> {
        self.spawn_as(Command::new(env!("CARGO_BIN_EXE_portleased")))
    }

    pub(crate) fn spawn_as(&self, mut command: Command) -> Daemon<'_> {
        let log = NamedTempFile::new_in(self.dir.path()).unwrap();
        command.env_clear().env("PORTLEASE_HOME", self.path("")).envs(std::env::vars_os().filter(is_path));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.reopen().unwrap());
        Daemon { home: self, child: command.spawn().unwrap(), log }
    }

    /// A daemon that serves.
    pub(crate) fn start(&self) -> Daemon<'_> {
        let mut daemon = self.spawn();
        // It can be connected to before it has put all its files in their places.
        daemon.health();
        daemon
    }

    /// A daemon that must not start: what it says on standard error.
    pub(crate) fn fails(&self) -> String {
        let mut daemon = self.spawn();
        let status = daemon.exit(PATIENCE);
        assert_eq!(status.code(), Some(1), "{}", daemon.said());
        daemon.said()
    }
}

impl Daemon<'_> {
    /// What it has said on standard error.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.log.path()).unwrap()
    }

    /// The first connection that can be made.
    pub(crate) fn connect(&mut self) -> Connection {
        let socket = self.home.socket();
        let connected = wait_for(PATIENCE, || {
            assert_eq!(self.child.try_wait().unwrap(), None, "the daemon ended: {}", self.said());
            Connection::unix(&socket).ok()
        });
        connected.unwrap_or_else(|| panic!("nobody serves: {}", self.said()))
    }

    /// Waits until it has found out that files are gone, and put them back.
    pub(crate) fn wait_for_files(&mut self) {
        let endpoint = self.home.path("run/endpoint.json");
        wait_for(PATIENCE, || fs::metadata(&endpoint).ok())
            .unwrap_or_else(|| panic!("endpoint.json does not come back: {}", self.said()));
        self.connect();
    }

    pub(crate) fn ask(&mut self, method: &str, target: &str, body: &str) -> Answer {
        let mut connection = self.connect();
        connection.send(request(method, target, body));
        connection.answer()
    }

    pub(crate) fn put(&mut self, name: &str) -> Answer {
        self.ask("PUT", &format!("/v1/leases/{name}"), "")
    }

    /// A stream of events whose head was read.
    pub(crate) fn events(&mut self, headers: &str) -> Stream {
        let mut connection = self.connect();
        connection.send(format!("GET /v1/events HTTP/1.1\r\nHost: x\r\n{headers}\r\n"));
        Stream::begin(connection)
    }

    /// Waits until it has said so on standard error.
    pub(crate) fn wait_for_word(&self, word: &str) {
        wait_for(PATIENCE, || self.said().contains(word).then_some(()))
            .unwrap_or_else(|| panic!("it does not say {word:?}: {}", self.said()));
    }

    pub(crate) fn list(&mut self) -> Value {
        self.ask("GET", "/v1/leases", "").json(200)
    }

    pub(crate) fn health(&mut self) -> Value {
        self.ask("GET", "/v1/health", "").json(200)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// How it ends, within so much time.
    pub(crate) fn exit(&mut self, patience: Duration) -> ExitStatus {
        let ended = wait_for(patience, || self.child.try_wait().unwrap());
        ended.unwrap_or_else(|| panic!("the daemon does not end: {}", self.said()))
    }

    /// Ends it as a power cut would, as far as processes go.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        // Fails only for a child that has ended already.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Asks again and again until there is an answer or the time is up.
pub(crate) fn wait_for<T>(patience: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = SystemClock.now().boot + patience;
    loop {
        let answer = ask();
        if answer.is_some() || SystemClock.now().boot > deadline {
            return answer;
        }
        std::thread::yield_now();
    }
}

/// Makes the file, or puts other content into the one that is there.
pub(crate) fn overwrite(path: &Path, content: &str) {
    File::create(path).unwrap().write_all(content.as_bytes()).unwrap();
}

fn is_path((name, _): &(std::ffi::OsString, std::ffi::OsString)) -> bool {
    name == "PATH"
}

//! A home of its own and the real daemon in it.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io::Write,
    os::unix::{ffi::OsStrExt, fs::DirBuilderExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde_json::Value;
use tempfile::TempDir;

use super::http::{Answer, Connection};
use crate::clock;

/// What a daemon may take from its start to its first answer: promise E.
pub(crate) const SOON: Duration = Duration::from_secs(1);
/// When a daemon that does not answer is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// The first of the pool's ports, and how many there are.
pub(crate) const POOL: (u16, u16) = (20_000, 12_000);

/// `PORTLEASE_HOME`.
pub(crate) struct Home {
    temp: TempDir,
    program: PathBuf,
}

/// A daemon of ours; killed when dropped.
pub(crate) struct Daemon {
    child: Child,
}

/// Its leases: by `project/service`, the id and the port.
pub(crate) type Leases = BTreeMap<String, (String, u16)>;

impl Home {
    pub(crate) fn new(program: &Path) -> Result<Self> {
        let home = Self { temp: tempfile::tempdir()?, program: program.to_owned() };
        DirBuilder::new().mode(0o700).create(home.path(""))?;
        home.configure()?;
        Ok(home)
    }

    pub(crate) fn configure(&self) -> Result<()> {
        let last = POOL.0 + POOL.1 - 1;
        let config =
            format!("pool = \"{}-{last}\"\n[limits]\nkept_percent = 0\n[api]\nport = 62893\n", POOL.0);
        Ok(File::create(self.path("config.toml"))?.write_all(config.as_bytes())?)
    }

    /// A path in the home.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join("home").join(name)
    }

    /// A path beside the home, which no fault touches.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// The program with these arguments, perhaps run by another one.
    pub(crate) fn command(&self, launcher: &[&str], args: &[&str]) -> Command {
        let mut command = match launcher.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(&self.program);
                command
            }
            None => Command::new(&self.program),
        };
        command.args(args).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("PORTLEASE_HOME", self.path("")).current_dir(self.temp.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn spawn(&self, launcher: &[&str]) -> Result<Daemon> {
        let log = OpenOptions::new().create(true).append(true).open(self.beside("log"))?;
        let mut command = self.command(launcher, &["daemon"]);
        command.stdout(Stdio::null()).stderr(log);
        Ok(Daemon { child: command.spawn()? })
    }

    /// A daemon that answers, and how long that took.
    pub(crate) fn start(&self) -> Result<(Daemon, Duration)> {
        self.start_by(&[])
    }

    pub(crate) fn start_by(&self, launcher: &[&str]) -> Result<(Daemon, Duration)> {
        let begun = clock::now();
        let mut daemon = self.spawn(launcher)?;
        let answered = clock::wait_for(PATIENCE, || {
            if let Ok(Some(status)) = daemon.child.try_wait() {
                return Some(Err(status));
            }
            let health = self.ask("GET", "/v1/health", &Value::Null);
            health.is_ok_and(|answer| answer.status == 200).then_some(Ok(()))
        });
        match answered {
            Some(Ok(())) => Ok((daemon, begun.elapsed())),
            Some(Err(status)) => bail!("the daemon ended with {status}: {}", self.log()),
            None => bail!("the daemon does not answer: {}", self.log()),
        }
    }

    /// The same, and promise E is kept. What the daemon waited for a processor
    /// that others had is not its own: the kernel tells that.
    pub(crate) fn start_soon(&self) -> Result<(Daemon, Duration)> {
        let (daemon, took) = self.start()?;
        let others = waited(daemon.pid())?;
        let own = took.saturating_sub(others);
        ensure!(
            own <= SOON,
            "E: the first answer took {took:?}, of which {others:?} were others': {}",
            self.log()
        );
        Ok((daemon, took))
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("run/portlease.sock")
    }

    pub(crate) fn connect(&self) -> Result<Connection> {
        Connection::unix(&self.socket())
    }

    pub(crate) fn ask(&self, method: &str, target: &str, body: &Value) -> Result<Answer> {
        self.connect()?.ask(method, target, body)
    }

    pub(crate) fn leases(&self) -> Result<Leases> {
        let answer = self.ask("GET", "/v1/leases", &Value::Null)?;
        ensure!(answer.status == 200, "the list is refused: {answer:?}");
        let mut leases = Leases::new();
        let mut ports = std::collections::BTreeSet::new();
        for lease in answer.body["leases"].as_array().context("no leases")? {
            let (name, id, port) = of(lease)?;
            ensure!(ports.insert(port), "B: port {port} is in two leases: {}", answer.body);
            leases.insert(name, (id, port));
        }
        Ok(leases)
    }

    /// The end of what daemons have said.
    pub(crate) fn log(&self) -> String {
        let text = [self.beside("log"), self.path("log"), self.path("portlease.log")]
            .iter()
            .filter_map(|path| fs::read(path).ok())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .collect::<String>();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }

    /// What daemons have said since it was cleared.
    pub(crate) fn clear_log(&self) -> Result<()> {
        File::create(self.beside("log"))?;
        Ok(())
    }

    /// The daemons of this home, found by what they were started with.
    pub(crate) fn daemons(&self) -> Result<Vec<Pid>> {
        let mut ours = b"PORTLEASE_HOME=".to_vec();
        ours.extend(self.path("").as_os_str().as_bytes());
        let has = |process: &Path, file: &str, word: &[u8]| {
            fs::read(process.join(file)).is_ok_and(|text| text.split(|byte| *byte == 0).any(|w| w == word))
        };
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let path = entry?.path();
            let pid = path.file_name().and_then(|name| name.to_str()?.parse().ok()).and_then(Pid::from_raw);
            let Some(pid) = pid else { continue };
            if has(&path, "environ", &ours) && has(&path, "cmdline", b"daemon") {
                found.push(pid);
            }
        }
        Ok(found)
    }

    /// Ends every daemon of this home by SIGKILL; how many there were.
    pub(crate) fn kill_all(&self) -> Result<usize> {
        let daemons = self.daemons()?;
        for pid in &daemons {
            let Ok(pidfd) = pidfd_open(*pid, PidfdFlags::empty()) else { continue };
            let _may_be_gone = pidfd_send_signal(&pidfd, Signal::KILL);
            let _ended = rustix::event::poll(
                &mut [rustix::event::PollFd::new(&pidfd, rustix::event::PollFlags::IN)],
                None,
            );
        }
        Ok(daemons.len())
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // What a command has started in the background is no child of ours.
        let _as_far_as_it_goes = self.kill_all();
    }
}

/// How long the first thread of a process has waited for a processor:
/// `/proc/PID/schedstat`, the second number, in nanoseconds.
fn waited(pid: u32) -> Result<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat"))?;
    let nanos = text.split_whitespace().nth(1).and_then(|word| word.parse().ok());
    Ok(Duration::from_nanos(nanos.context("schedstat")?))
}

/// The name, the id and the port of a lease.
pub(crate) fn of(lease: &Value) -> Result<(String, String, u16)> {
    let text = |key: &str| lease[key].as_str().with_context(|| format!("no {key} in {lease}"));
    let port = lease["port"].as_u64().and_then(|port| u16::try_from(port).ok());
    Ok((
        format!("{}/{}", text("project")?, text("service")?),
        text("id")?.to_owned(),
        port.with_context(|| format!("no port in {lease}"))?,
    ))
}

impl Daemon {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        Ok(rustix::process::kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// SIGKILL, and it is gone.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        let status = self.child.wait()?;
        ensure!(status.signal() == Some(9), "the daemon had ended by itself: {status}");
        Ok(())
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Result<Option<std::process::ExitStatus>> {
        Ok(self.child.try_wait()?)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

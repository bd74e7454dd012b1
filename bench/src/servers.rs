//! The servers that are measured, each a process of its own that ends with its
//! handle.

use std::{
    fs::{File, Permissions},
    io::{BufRead, BufReader, Read, Write as _},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{clock, peers::Peers, place::Place};

/// How long a server may take to begin.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A process that is killed when this is dropped.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn spawn(command: &mut Command) -> Result<Self> {
        let child =
            command.spawn().with_context(|| format!("starting {}", command.get_program().display()))?;
        Ok(Self(child))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// What it says, if it was started to be heard.
    pub(crate) fn stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.0.stdout.take()
    }

    /// Asks it to end, and waits for that.
    fn end(&mut self) -> Result<()> {
        let id = Pid::from_raw(i32::try_from(self.pid())?).context("a process without an id")?;
        kill_process(id, Signal::TERM)?;
        self.0.wait()?;
        Ok(())
    }

    /// The first line with this in it.
    fn line(from: &mut impl BufRead, with: &str) -> Result<String> {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            if from.read_line(&mut line)? == 0 {
                bail!("it ended before it served: {seen}");
            }
            if line.contains(with) {
                return Ok(line);
            }
            seen.push_str(&line);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Processes that do nothing but live, for leases to belong to.
pub(crate) fn holders(number: usize) -> Result<Vec<Running>> {
    (0..number).map(|_| Running::spawn(Command::new("sleep").arg("3600"))).collect()
}

/// The daemon, with a registry of its own.
pub(crate) struct Daemon {
    pub(crate) unix: Place,
    pub(crate) tcp: Place,
    pub(crate) home: PathBuf,
    running: Running,
    kept: TempDir,
}

impl Daemon {
    pub(crate) fn start(peers: &Peers, pool: &str) -> Result<Self> {
        let home = private()?;
        let config = format!("pool = \"{pool}\"\n[limits]\nkept_percent = 0\n");
        File::create(home.path().join("config.toml"))?.write_all(config.as_bytes())?;
        Self::at(peers, home)
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.running.end()
    }

    /// Another one on what an ended one kept. Returns it when it serves.
    pub(crate) fn again(self, peers: &Peers) -> Result<Self> {
        Self::at(peers, self.kept)
    }

    fn at(peers: &Peers, home: TempDir) -> Result<Self> {
        let log = File::create(home.path().join("log"))?;
        let mut command = Command::new(&peers.portlease);
        command.args(["daemon", "--json"]).env("PORTLEASE_HOME", home.path());
        let mut running = Running::spawn(command.stdout(Stdio::piped()).stderr(log))?;
        let mut says = BufReader::new(running.0.stdout.take().context("no stdout")?);
        let line = Running::line(&mut says, "{").with_context(|| read(&home.path().join("log")))?;
        // It may be written over several lines.
        let mut text = line;
        let endpoint: serde_json::Value = loop {
            match serde_json::from_str(&text) {
                Ok(endpoint) => break endpoint,
                Err(error) if error.is_eof() => {
                    if says.read_line(&mut text)? == 0 {
                        bail!("the daemon says where it is in an unknown way: {text}");
                    }
                }
                Err(error) => return Err(error.into()),
            }
        };
        let address = endpoint["addresses"][0].as_str().context("the daemon is not on TCP")?;
        Ok(Self {
            unix: Place::Unix(home.path().join("run/portlease.sock")),
            tcp: Place::Tcp(address.parse()?),
            home: home.path().to_owned(),
            running,
            kept: home,
        })
    }
}

impl Daemon {
    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }
}

/// A server at one Unix socket.
pub(crate) struct PortServer {
    pub(crate) place: Place,
    running: Running,
    _directory: TempDir,
}

impl PortServer {
    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// `portlease portserver`
    pub(crate) fn ours(peers: &Peers, pool: &str) -> Result<Self> {
        let directory = private()?;
        let path = directory.path().join("ports");
        let mut command = Command::new(&peers.portlease);
        command.arg("portserver").arg("--portpicker").arg(&path).args(["--pool", pool]);
        let mut running = Running::spawn(command.stderr(Stdio::piped()))?;
        let says = running.0.stderr.as_mut().context("no stderr")?;
        Running::line(&mut BufReader::new(says), "serving")?;
        Ok(Self { place: Place::Unix(path), running, _directory: directory })
    }

    /// One that answers, and does nothing.
    pub(crate) fn nothing() -> Result<Self> {
        let directory = private()?;
        let path = directory.path().join("ports");
        let mut command = Command::new(std::env::current_exe()?);
        let mut running = Running::spawn(command.arg("nothing").arg(&path).stdout(Stdio::piped()))?;
        let says = running.0.stdout.as_mut().context("no stdout")?;
        Running::line(&mut BufReader::new(says), "serving")?;
        Ok(Self { place: Place::Unix(path), running, _directory: directory })
    }

    /// portpicker's own, which does not say when it serves.
    pub(crate) fn original(script: &Path, pool: &str) -> Result<Self> {
        let directory = private()?;
        let path = directory.path().join("ports");
        let mut command = Command::new(script);
        command.arg("--portserver_address").arg(&path).args(["--portserver_static_pool", pool]);
        let log = File::create(directory.path().join("log"))?;
        let running = Running::spawn(command.stdout(Stdio::null()).stderr(log))?;
        let place = Place::Unix(path);
        let until = clock::now() + PATIENCE;
        while let Err(error) = place.connect() {
            if clock::now() > until {
                return Err(error).with_context(|| read(&directory.path().join("log")));
            }
            clock::pause(Duration::from_millis(20));
        }
        Ok(Self { place, running, _directory: directory })
    }
}

/// The ceiling.
pub(crate) struct Hello {
    pub(crate) unix: Place,
    pub(crate) tcp: Place,
    running: Running,
    _directory: TempDir,
}

impl Hello {
    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }

    pub(crate) fn start() -> Result<Self> {
        let directory = private()?;
        let path = directory.path().join("hello");
        let mut command = Command::new(std::env::current_exe()?);
        let mut running = Running::spawn(command.arg("hello").arg(&path).stdout(Stdio::piped()))?;
        let says = running.0.stdout.as_mut().context("no stdout")?;
        let address = Running::line(&mut BufReader::new(says), ":")?;
        let tcp = Place::Tcp(address.trim().parse()?);
        Ok(Self { unix: Place::Unix(path), tcp, running, _directory: directory })
    }
}

/// A directory that the daemon takes for its home: nobody else may look in.
pub(crate) fn private() -> Result<TempDir> {
    Ok(tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir()?)
}

/// What a server said, for the error.
pub(crate) fn read(path: &Path) -> String {
    let mut text = String::new();
    let _as_far_as_it_goes = File::open(path).and_then(|mut file| file.read_to_string(&mut text));
    text
}

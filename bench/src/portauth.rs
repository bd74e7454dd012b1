//! portauth (PyPI), the peer that is most like portlease: a daemon that keeps
//! which project has which port, asked over HTTP or by a command.

use std::{
    fs::{self, File},
    io::Write as _,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::{
    clock,
    load::{self, Load, Pace, Plan},
    place::Place,
    servers::{self, Running},
    wire::{self, Framing},
};

/// Where it serves; it cannot be told another place.
const PORT: u16 = 8888;
const POOL: &str = "bench";

/// Its daemon, with a registry of its own.
pub(crate) struct PortAuth {
    pub(crate) place: Place,
    programs: PathBuf,
    token: String,
    running: Running,
    home: TempDir,
}

impl PortAuth {
    /// `programs` is the directory that pip installed its commands to.
    pub(crate) fn start(programs: &Path, (first, last): (u16, u16)) -> Result<Self> {
        let place = Place::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)));
        ensure!(place.connect().is_err(), "port {PORT}, which portauth wants, is taken");
        let home = servers::private()?;
        let (config, log) = (home.path().join(".config/port-authority"), home.path().join("log"));
        fs::create_dir_all(&config)?;
        let pools = format!("pools: {{ {POOL}: {{ range: [{first}, {last}] }} }}\n");
        File::create(config.join("config.yaml"))?.write_all(pools.as_bytes())?;
        let mut command = Command::new(std::path::absolute(programs.join("port-authority-daemon"))?);
        command.env("HOME", home.path()).stdout(Stdio::null()).stderr(File::create(&log)?);
        let running = Running::spawn(&mut command)?;
        // It does not say when it serves.
        let until = clock::now() + servers::PATIENCE;
        while place.connect().is_err() {
            if clock::now() > until {
                bail!("portauth does not serve: {}", servers::read(&log));
            }
            clock::pause(Duration::from_millis(20));
        }
        let token = fs::read_to_string(config.join("token")).context("portauth's token")?;
        Ok(Self { place, programs: programs.to_owned(), token, running, home })
    }

    /// Asks for the port of `web` of these projects, one after the other.
    pub(crate) fn request(&self, projects: &[String], count: usize) -> Result<Load> {
        self.ask("request", projects, count)
    }

    /// Gives the ports of `web` of these projects back.
    pub(crate) fn release(&self, projects: &[String]) -> Result<Load> {
        self.ask("release", projects, projects.len())
    }

    fn ask(&self, what: &str, projects: &[String], count: usize) -> Result<Load> {
        let Self { place, token, .. } = self;
        let path = |project| format!("/{what}?project={project}&service=web&pool={POOL}&token={token}");
        let requests: Vec<Vec<u8>> =
            projects.iter().map(|project| wire::http(place, "GET", &path(project), None, false)).collect();
        let (framing, pace) = (Framing::HttpUntilEnd, Pace::Closed);
        let requests = &requests[..];
        load::run(&Plan { place, framing, requests, count, clients: 1, keep_alive: false, pace, status: 200 })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// `port-request request PROJECT web`
    pub(crate) fn command(&self, project: &str) -> Result<Command> {
        let mut command = Command::new(std::path::absolute(self.programs.join("port-request"))?);
        command.args(["request", project, "web", "--pool", POOL]).env("HOME", self.home.path());
        Ok(command)
    }
}

/// The port in an answer, which says refusals with the same status.
pub(crate) fn port(body: &[u8]) -> Result<u16> {
    let answer: serde_json::Value = serde_json::from_slice(body)?;
    let port = answer["port"].as_u64().with_context(|| format!("portauth: {answer}"))?;
    Ok(u16::try_from(port)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_no_port() {
        assert_eq!(port(b"{\"port\": 3000}").unwrap(), 3000);
        assert!(port(b"{\"error\": \"No available ports in pool web\"}").is_err());
    }
}

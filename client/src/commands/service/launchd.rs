//! The service under launchd's agents of this user. Never run on a Mac by its
//! authors.

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use portlease_proto::Paths;
use portleased::config::{Layers, Overrides};

use super::{failed, files, handover::Handover, line, place::check, plist::plist, program, verify::verify};
use crate::{
    args::{ServiceStatusArgs, UninstallArgs},
    exit::{Exit, Failure},
    output,
};

const LABEL: &str = "portlease";

pub(super) async fn install(paths: &Paths) -> Result<(), Failure> {
    check(paths)?;
    let program = program::path()?;
    let layers = Layers::read(&paths.config_file(), &Overrides::default())
        .map_err(|error| Failure::from_chain(Exit::Failed, &error))?;
    let text = plist(&program.to_string_lossy(), paths, layers.config.api.port);
    let agent = agent()?;
    alone(paths).await?;

    let handover = Handover::begin(paths).await?;
    if let Some(directory) = agent.parent() {
        fs::create_dir_all(directory).map_err(|error| failed("the agent cannot be written", &error))?;
    }
    let loaded = launchctl(&["print", &target()]).is_ok();
    if loaded && fs::read_to_string(&agent).is_ok_and(|before| before == text) {
        // launchd keeps the sockets meanwhile.
        launchctl(&["kickstart", "-k", &target()])?;
        line("restarted", &program.display().to_string());
    } else {
        portlease_local::private::replace(&agent, text.as_bytes())
            .map_err(|error| failed("the agent cannot be written", &error))?;
        line("wrote", &agent.display().to_string());
        // An agent is read when it is loaded.
        if loaded {
            launchctl(&["bootout", &target()])?;
        }
        launchctl(&["bootstrap", &domain(), &agent.to_string_lossy()])?;
        line("started", &program.display().to_string());
    }
    drop(handover);
    verify(paths, None).await
}

/// Without pidfds nobody here can tell whom a signal would hit, so a person ends
/// the daemon that a command started.
async fn alone(paths: &Paths) -> Result<(), Failure> {
    if launchctl(&["print", &target()]).is_ok() {
        return Ok(());
    }
    let Ok(mut client) = portlease::Client::connect(paths).await else { return Ok(()) };
    let pid = client.health().await?.endpoint.pid;
    Err(Failure::new(Exit::Failed, format!("a daemon that a command started runs (pid {pid})"))
        .hint(format!("kill {pid}, then portlease service install; its leases go on")))
}

pub(super) async fn uninstall(paths: &Paths, args: &UninstallArgs) -> Result<(), Failure> {
    check(paths)?;
    let handover = Handover::begin(paths).await?;
    match launchctl(&["bootout", &target()]) {
        Ok(()) => line("stopped", LABEL),
        Err(failure) => output::note(&failure.message),
    }
    let agent = agent()?;
    if files::remove_file(&agent)? {
        line("removed", &agent.display().to_string());
    }
    let removed = files::remove(paths, env::home_dir().as_deref(), args.purge)?;
    line("removed", &format!("what the daemon left ({removed})"));
    drop(handover);
    Ok(())
}

pub(super) async fn status(paths: &Paths, args: &ServiceStatusArgs) -> Result<(), Failure> {
    check(paths)?;
    if !agent()?.exists() {
        return Err(Failure::new(Exit::Failed, "the service is not set up").hint("portlease service install"));
    }
    launchctl(&["print", &target()])?;
    let health = portlease::Client::connect(paths).await?.health().await?;
    match args.json {
        true => output::json(&health),
        false => output::status(&health, &paths.socket()),
    }
    Ok(())
}

/// launchd writes what the daemon says into its log file.
pub(super) fn journal() -> Option<Command> {
    None
}

fn agent() -> Result<PathBuf, Failure> {
    let home = env::home_dir()
        .ok_or_else(|| Failure::new(Exit::Failed, "there is no home directory").hint("set HOME"))?;
    Ok(home.join("Library/LaunchAgents/portlease.plist"))
}

fn domain() -> String {
    format!("gui/{}", rustix::process::getuid().as_raw())
}

fn target() -> String {
    format!("{}/{LABEL}", domain())
}

fn launchctl(args: &[&str]) -> Result<(), Failure> {
    let output = Command::new("launchctl")
        .args(args)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed("launchctl cannot be run", &error))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(Exit::Failed, format!("launchctl {}: {}", args.join(" "), said.trim()))
        .hint("see portlease service logs"))
}

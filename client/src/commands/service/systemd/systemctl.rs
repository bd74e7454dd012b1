//! Asking the user's systemd, by its own command.

use std::{
    collections::HashMap,
    io,
    process::{Command, Stdio},
};

use crate::exit::{Exit, Failure};

/// How a unit is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// `active`, `inactive`, `failed`, `activating`, `deactivating`.
    pub(super) active: String,
    /// `enabled`, `disabled`, or nothing when there is no such unit.
    pub(super) file: String,
    /// Where its file is.
    pub(super) path: String,
    /// Its main process, while it has one.
    pub(super) pid: Option<u32>,
    /// Why it failed: `success`, `exit-code`, `watchdog`, `resources`, …
    pub(super) result: String,
}

impl State {
    pub(super) fn is_active(&self) -> bool {
        self.active == "active"
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.file == "enabled"
    }
}

/// Whether this user has a systemd.
pub(super) fn check() -> Result<(), Failure> {
    run(&["show", "--property=Version"]).map(|_version| ())
}

/// How the unit is, also when there is none.
pub(super) fn state(unit: &str) -> Result<State, Failure> {
    let properties = "--property=ActiveState,UnitFileState,FragmentPath,MainPID,Result";
    Ok(parse(&run(&["show", properties, unit])?))
}

/// Does something, and says why if it could not.
pub(super) fn run(args: &[&str]) -> Result<String, Failure> {
    let output = Command::new("systemctl")
        .args(["--user", "--no-pager", "--no-ask-password"])
        .args(args)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| absent(&error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(failure(&args.join(" "), said.trim()))
}

fn absent(error: &io::Error) -> Failure {
    let message = match error.kind() {
        io::ErrorKind::NotFound => "there is no systemd on this machine".to_owned(),
        _ => format!("systemctl cannot be run: {error}"),
    };
    Failure::new(Exit::Failed, message).hint("nothing is lost: commands start the daemon when they need it")
}

fn failure(what: &str, said: &str) -> Failure {
    // No bus, and no manager that could be asked without one.
    let unreachable = ["Failed to connect to bus", "Failed to connect to user scope bus"];
    if unreachable.iter().any(|start| said.starts_with(start)) {
        let uid = rustix::process::geteuid().as_raw();
        return Failure::new(Exit::Failed, "systemd runs no service manager for this user now").hint(
            format!("sudo loginctl enable-linger {uid} starts one, now and whenever the machine starts"),
        );
    }
    Failure::new(Exit::Failed, format!("systemctl --user {what}: {said}"))
        .hint("see systemctl --user status 'portlease*', portlease service logs")
}

fn parse(text: &str) -> State {
    let properties: HashMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let property = |name: &str| properties.get(name).copied().unwrap_or_default().to_owned();
    State {
        active: property("ActiveState"),
        file: property("UnitFileState"),
        path: property("FragmentPath"),
        pid: property("MainPID").parse().ok().filter(|pid| *pid != 0),
        result: property("Result"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemctl_shows() {
        let text =
            "MainPID=4711\nResult=success\nFragmentPath=/u/a=b\nActiveState=active\nUnitFileState=enabled\n";
        let state = parse(text);
        assert!(state.is_active() && state.is_enabled());
        assert_eq!((state.pid, state.path.as_str()), (Some(4711), "/u/a=b"));
        let none = parse("MainPID=0\nActiveState=inactive\nUnitFileState=\nFragmentPath=\nResult=success\n");
        assert!(!none.is_active() && !none.is_enabled());
        assert_eq!(none.pid, None);
    }

    #[test]
    fn no_manager_is_told_from_a_refusal() {
        for said in [
            "Failed to connect to bus: No medium found",
            "Failed to connect to user scope bus via local transport: No such file or directory",
        ] {
            let failure = failure("show", said);
            assert!(failure.message.contains("no service manager"), "{failure:?}");
            assert!(failure.hint.unwrap().contains("enable-linger"));
        }
        let other = failure("start x", "Job for x failed.");
        assert_eq!(other.message, "systemctl --user start x: Job for x failed.");
    }
}

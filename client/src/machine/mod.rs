//! How portlease itself is on this machine: what the daemon says, and what
//! only a client sees, a daemon that does not answer above all.

mod files;
mod service;

use portlease::{Address, Client};
use portlease_proto::{Check, Health, MachineDiagnosis, Paths, Unit};
use portleased::processes::{Processes, SystemProcesses};

use crate::exit::Failure;

/// Looks at everything, and starts nothing.
pub(crate) async fn diagnose(paths: &Paths) -> MachineDiagnosis {
    let mut checks = daemon(paths).await;
    checks.extend(files::check(paths));
    checks.push(service::check(&service::Places::of_this_machine()));
    MachineDiagnosis { checks }
}

/// The daemon, and all that it says of itself and of the machine.
async fn daemon(paths: &Paths) -> Vec<Check> {
    const ID: &str = "daemon";
    let mut client = match Client::connect(paths).await {
        Ok(client) => client,
        Err(error) => {
            let Failure { message, hint, .. } = Failure::from(error);
            let start = "start it: portlease daemon; most other commands do so by themselves";
            let hint = hint.filter(|hint| !hint.starts_with("start it"));
            return vec![
                Check::fail(ID, message, hint.unwrap_or_else(|| start.to_owned())),
                Check::warn(
                    "machine",
                    "the registry and the pool were not looked at: the daemon does that",
                    start,
                ),
            ];
        }
    };
    let health = match client.health().await {
        Ok(health) => health,
        Err(error) => {
            let message = Failure::from(error).message;
            return vec![Check::fail(ID, message, format!("see {}", paths.log().display()))];
        }
    };
    let mut checks = vec![running(&health), socket(client.address(), paths), version(&health)];
    match client.machine_diagnosis().await {
        Ok(diagnosis) => checks.extend(diagnosis.checks),
        Err(error) => {
            let message =
                format!("the daemon does not look at the machine: {}", Failure::from(error).message);
            checks.push(Check::fail("machine", message, restart(&health)));
        }
    }
    checks
}

fn running(health: &Health) -> Check {
    let pid = health.endpoint.pid;
    let summary = format!("runs (pid {pid}) since {}", health.started_at);
    match health.notices.is_empty() {
        true => Check::ok("daemon", summary),
        false => {
            Check::warn("daemon", format!("{summary}; {}", health.notices.join("; ")), "see portlease status")
        }
    }
}

/// Programs come in by the Unix socket or over TCP.
fn socket(address: &Address, paths: &Paths) -> Check {
    match address {
        Address::Unix(path) => Check::ok("socket", format!("answers on {}", path.display())),
        Address::Tcp(address) => Check::warn(
            "socket",
            format!("nobody answers on {}, but on {address}", paths.socket().display()),
            "restart the daemon; it puts a deleted socket back within a second",
        ),
    }
}

fn version(health: &Health) -> Check {
    let (ours, theirs) = (env!("CARGO_PKG_VERSION"), &health.endpoint.version);
    match ours == theirs {
        true => Check::ok("version", format!("{ours}, the daemon's too")),
        false => Check::warn(
            "version",
            format!("this command is version {ours}, and the daemon is {theirs}"),
            renew(health.endpoint.pid, unit(health).as_ref()),
        ),
    }
}

fn restart(health: &Health) -> String {
    restarted_by(health.endpoint.pid, unit(health).as_ref())
}

/// What keeps the daemon. A service manager would start again what is killed, or
/// take it for a failure.
fn unit(health: &Health) -> Option<Unit> {
    SystemProcesses.trace(health.endpoint.pid).unit
}

fn restarted_by(pid: u32, unit: Option<&Unit>) -> String {
    match unit {
        Some(unit) if is_service(unit) => {
            format!("restart the daemon: systemctl --user restart {}", unit.name)
        }
        _ => format!("restart the daemon: kill {pid}, then portlease daemon"),
    }
}

/// As [`restarted_by`], and as this very program.
fn renew(pid: u32, unit: Option<&Unit>) -> String {
    match unit {
        Some(unit) if is_service(unit) => {
            "restart the service as this program: portlease service install".to_owned()
        }
        unit => restarted_by(pid, unit),
    }
}

fn is_service(unit: &Unit) -> bool {
    unit.manager == "systemd" && unit.name.starts_with("portlease") && unit.name.ends_with(".service")
}

#[cfg(test)]
mod tests {
    use super::*;
    use portlease_proto::CheckStatus;

    fn health() -> Health {
        serde_json::from_str(include_str!("../../../proto/tests/golden/health.json")).unwrap()
    }

    #[test]
    fn another_version_is_told() {
        let mut health = health();
        health.endpoint.version = env!("CARGO_PKG_VERSION").to_owned();
        assert_eq!(version(&health).status, CheckStatus::Ok);
        health.endpoint.version = "0.0.1".to_owned();
        let check = version(&health);
        assert_eq!(check.status, CheckStatus::Warn);
        assert!(check.summary.ends_with("and the daemon is 0.0.1"), "{check:?}");
    }

    #[test]
    fn what_a_service_manager_keeps_is_not_killed() {
        let unit = |manager: &str, name: &str| Unit { manager: manager.to_owned(), name: name.to_owned() };
        let service = unit("systemd", "portlease.service");
        assert_eq!(
            restarted_by(7, Some(&service)),
            "restart the daemon: systemctl --user restart portlease.service"
        );
        assert!(renew(7, Some(&service)).ends_with(": portlease service install"));
        for other in [None, Some(unit("systemd", "app-code-12.scope")), Some(unit("docker", "0123456789ab"))]
        {
            assert!(restarted_by(7, other.as_ref()).contains("kill 7, then portlease daemon"), "{other:?}");
            assert_eq!(renew(7, other.as_ref()), restarted_by(7, other.as_ref()));
        }
    }

    #[test]
    fn a_notice_of_the_daemon_is_told() {
        let mut health = health();
        health.notices.clear();
        assert_eq!(running(&health).status, CheckStatus::Ok);
        health.notices.push("the registry was damaged".to_owned());
        let check = running(&health);
        assert_eq!(check.status, CheckStatus::Warn);
        assert!(check.summary.contains("the registry was damaged"), "{check:?}");
    }
}

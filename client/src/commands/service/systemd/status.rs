//! `portlease service status`: asks systemd first, since a question at its
//! sockets would start what may not run.

use portlease::Client;
use portlease_proto::{Health, Paths};
use serde::Serialize;

use super::{
    place, systemctl,
    units::{SERVICE, TCP, UNIX},
};
use crate::{
    args::ServiceStatusArgs,
    commands::service::{line, place::check},
    exit::{Exit, Failure},
    output,
};

/// What there is to know; null where there is nothing.
#[derive(Debug, Serialize)]
struct Status {
    /// Set up, and started at login.
    enabled: bool,
    units: Vec<UnitStatus>,
    lingers: bool,
    daemon: Option<Health>,
}

#[derive(Debug, Serialize)]
struct UnitStatus {
    name: &'static str,
    enabled: bool,
    state: String,
    /// Why it is not active, in systemd's words.
    result: String,
}

pub(in crate::commands::service) async fn status(
    paths: &Paths,
    args: &ServiceStatusArgs,
) -> Result<(), Failure> {
    check(paths)?;
    systemctl::check()?;
    let mut units = Vec::new();
    for name in [SERVICE, UNIX, TCP] {
        let state = systemctl::state(name)?;
        let enabled = state.is_enabled();
        units.push(UnitStatus { name, enabled, state: state.active, result: state.result });
    }
    let listening = units.iter().skip(1).any(|unit| unit.state == "active");
    let daemon = match units[0].state == "active" || !listening {
        // A daemon that a command started is one, too.
        true => health(paths).await,
        false => None,
    };
    // Whoever waits there starts the service, be it enabled itself or not.
    let enabled = units.iter().any(|unit| unit.name == UNIX && unit.enabled);
    let status = Status { enabled, units, lingers: place::lingers(), daemon };
    match args.json {
        true => output::json(&status),
        false => show(&status, paths),
    }
    judge(&status)
}

async fn health(paths: &Paths) -> Option<Health> {
    Client::connect(paths).await.ok()?.health().await.ok()
}

fn show(status: &Status, paths: &Paths) {
    for unit in &status.units {
        let enabled = match unit.enabled {
            true => "starts at login",
            false if unit.name == SERVICE && status.enabled => "starts at the first request",
            false => "does not start at login",
        };
        let why = match unit.result.as_str() {
            "" | "success" => String::new(),
            result => format!(" ({result})"),
        };
        line("unit", &format!("{}: {}{why}, {enabled}", unit.name, unit.state));
    }
    line(
        "linger",
        if status.lingers { "yes: runs without a session" } else { "no: runs while you are logged in" },
    );
    match &status.daemon {
        Some(health) => output::status(health, &paths.socket()),
        None => line("daemon", "does not run; the first request starts it"),
    }
}

fn judge(status: &Status) -> Result<(), Failure> {
    let trouble = |message: &str, hint: &str| Err(Failure::new(Exit::Failed, message).hint(hint));
    let is =
        |name: &str, state: &str| status.units.iter().any(|unit| unit.name == name && unit.state == state);
    if !status.enabled {
        return trouble("the service is not set up", "portlease service install");
    }
    if is(SERVICE, "failed") || !is(UNIX, "active") {
        return trouble(
            "the service does not serve",
            "portlease service logs, then portlease service install",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(service: &str, unix: &str, tcp: &str, enabled: bool) -> Status {
        let unit =
            |name, state: &str| UnitStatus { name, enabled, state: state.to_owned(), result: String::new() };
        let units = vec![unit(SERVICE, service), unit(UNIX, unix), unit(TCP, tcp)];
        Status { enabled, units, lingers: false, daemon: None }
    }

    #[test]
    fn what_is_well() {
        for (service, unix, tcp, enabled, well) in [
            ("active", "active", "active", true, true),
            ("inactive", "active", "active", true, true),
            // The daemon sees to TCP itself.
            ("active", "active", "failed", true, true),
            ("active", "inactive", "active", true, false),
            ("failed", "active", "active", true, false),
            ("inactive", "inactive", "inactive", false, false),
        ] {
            let judged = judge(&status(service, unix, tcp, enabled));
            assert_eq!(judged.is_ok(), well, "{service} {unix} {tcp} {enabled}");
        }
    }
}

//! Reading the configuration again while the daemon runs: all of it counts, or
//! none.

use std::{path::PathBuf, sync::Arc};

use crate::{
    config::{Config, ConfigError, KEYS, Layers, Live, Overrides, changes},
    keeper::Keeper,
    manager::{Manager, Settings},
    status::Status,
    supervisor,
};

/// The configuration of a daemon that runs.
pub struct Reload {
    file: PathBuf,
    overrides: Overrides,
    in_force: Config,
    manager: Arc<Manager>,
    status: Arc<Status>,
}

impl Reload {
    /// Begins with what was read at the start.
    #[must_use]
    pub fn new(
        file: PathBuf,
        overrides: Overrides,
        layers: &Layers,
        manager: Arc<Manager>,
        status: Arc<Status>,
    ) -> Self {
        status.configured(layers.describe(&file, &layers.config));
        Self { file, overrides, in_force: layers.config.clone(), manager, status }
    }

    /// Reads again, and tells the log and the service manager.
    pub fn run(&mut self, keeper: &mut Keeper) {
        supervisor::reloading();
        // A checkpoint that was under way may have been cut off.
        self.manager.set_unsaved();
        match Layers::read(&self.file, &self.overrides) {
            Ok(layers) => self.apply(&layers, keeper),
            Err(error) => self.refuse(&error),
        }
        supervisor::ready();
    }

    fn refuse(&self, error: &ConfigError) {
        let problem = error.on_one_line();
        tracing::error!("the settings stay as they are: {problem}");
        self.status.not_configured(problem);
    }

    fn apply(&mut self, layers: &Layers, keeper: &mut Keeper) {
        let found = changes(&self.in_force, &layers.config);
        let mut now = until_restart(&self.in_force, &layers.config);
        if now.synchronous != self.in_force.synchronous
            && let Err(error) = self.manager.set_durability(now.synchronous)
        {
            tracing::error!("synchronous stays as it is: {error}");
            now.synchronous = self.in_force.synchronous;
        }
        self.manager.set_settings(settings(&now));
        keeper.rewire(now.api.port, now.auth);
        for change in &found {
            match change.key.live {
                Live::Reload => tracing::info!("config.toml: {change}"),
                Live::Restart => tracing::warn!("config.toml: {change} needs a restart of the daemon"),
            }
        }
        if found.is_empty() {
            tracing::info!("config.toml: nothing changed");
        }
        warn_of_overlap(&self.manager, &now);
        self.status.configured(layers.describe(&self.file, &now));
        self.in_force = now;
    }
}

/// What the manager has to know of the configuration.
#[must_use]
pub fn settings(config: &Config) -> Settings {
    Settings {
        pool: config.pool.clone(),
        exclude: config.exclude.clone(),
        leases_per_project: config.limits.leases_per_project,
        kept_percent: config.limits.kept_percent,
        ..Settings::default()
    }
}

/// Says which part of the pool is good for nothing.
pub fn warn_of_overlap(manager: &Manager, config: &Config) {
    let Some(ephemeral) = manager.exclusions().kernel.ephemeral else { return };
    for range in config.pool.ranges().iter().filter(|range| range.overlaps(ephemeral)) {
        tracing::warn!(
            "the pool {range} overlaps {ephemeral}, from which the kernel serves outgoing connections: \
             those ports are never given"
        );
    }
}

/// `new`, but for the keys that only a restart changes.
fn until_restart(old: &Config, new: &Config) -> Config {
    let before = serde_json::to_value(old).unwrap_or_default();
    let mut now = serde_json::to_value(new).unwrap_or_default();
    for key in KEYS.iter().filter(|key| key.live == Live::Restart) {
        if let (Some(now), Some(before)) = (now.pointer_mut(&key.pointer()), before.pointer(&key.pointer())) {
            *now = before.clone();
        }
    }
    // What was written can be read: a test below goes through every key.
    serde_json::from_value(now).unwrap_or_else(|_| old.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_a_restart_stays_and_the_rest_does_not() {
        let text = "pool = [\"1-2\", \"4-5\"]\nexclude = [\"5000\", \"7000-7010\"]\nsynchronous = \"full\"\nauth = \"token\"\n\
                    [api]\nport = 6289\n[limits]\nleases_per_project = 3\nkept_percent = 0\nconnections = 64\n[compat]\nportpicker = [\"@tests\"]\ngrpc_port_server = 7000\n";
        let new = Config::parse(text).unwrap();
        // Every key differs, so none can be lost unseen.
        assert_eq!(changes(&Config::default(), &new).len(), KEYS.len());
        let now = until_restart(&Config::default(), &new);
        let left: Vec<&str> = changes(&now, &new).iter().map(|change| change.key.path).collect();
        assert_eq!(left, ["limits.connections", "compat.portpicker", "compat.grpc_port_server"]);
        assert_eq!(until_restart(&new, &new), new);
    }
}

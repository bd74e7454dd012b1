//! Settings on the command line.

use std::path::PathBuf;

use portleased::config::{ConfigError, Overrides};

/// Say which settings are in force, and where each of them comes from.
///
/// Asks the daemon. Where none runs, it says what one would begin with.
/// docs/config.md describes every setting, and so does portlease docs --config.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease config                        the settings, and who says so
  portlease config --check                is the file good?
  portlease config --check new.toml       is this one, before it takes its place?
  portlease config && pid=$(portlease status --json | jq -er .endpoint.pid) && kill -HUP $pid
The last one makes the daemon read the file again; its log says what changed.")]
pub(crate) struct ConfigArgs {
    /// Only check a file, and say with line and column what is wrong with it.
    /// Without FILE it is the one that the daemon reads.
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "clap tells by it whether there is a value")]
    pub(crate) check: Option<Option<PathBuf>>,
    /// Print them as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Settings for one daemon, before all others.
#[derive(Debug, clap::Args)]
pub(crate) struct SettingArgs {
    /// The port of the HTTP API.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    port: Option<String>,
    /// The ports that are given when none is asked for.
    #[arg(long, value_name = "A-B[,C-D]", allow_hyphen_values = true)]
    pool: Option<String>,
    /// Ports that are never given.
    #[arg(long, value_name = "N,A-B", allow_hyphen_values = true)]
    exclude: Option<String>,
    /// Any setting of docs/config.md, such as limits.kept_percent=20.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl SettingArgs {
    /// They and those of the environment.
    pub(crate) fn overrides(&self) -> Result<Overrides, ConfigError> {
        let mut overrides = Overrides::of_variables(|name| std::env::var_os(name))?;
        for text in &self.set {
            let (key, value) = text.split_once('=').unwrap_or((text, ""));
            overrides.flag("--set", key.trim(), value)?;
        }
        let named = [("--port", "api.port", &self.port), ("--pool", "pool", &self.pool)];
        for (flag, key, text) in named.into_iter().chain([("--exclude", "exclude", &self.exclude)]) {
            if let Some(text) = text {
                overrides.flag(flag, key, text)?;
            }
        }
        Ok(overrides)
    }
}

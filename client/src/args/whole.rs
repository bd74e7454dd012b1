//! The commands that are about a project as a whole.

use crate::shells::Format;

/// Print the ports of a project as variables, leasing those it has not.
///
/// A service's variable is env in portlease.toml; without it PORT for the main
/// service (default, else the only one, else web) and SERVICE_PORT for the
/// others. Then come those of [env]. When that fails, a command that fails is
/// printed in their place, so that eval does.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  eval \"$(portlease env)\" || exit 1                     in sh, bash, dash and zsh
  portlease env --format fish | source; or exit 1        in fish
  portlease env --format powershell | Out-String | Invoke-Expression
  portlease env --write .env.local                       its own lines of that file
  portlease env --format json | jq -er .DATABASE_URL     one of them")]
pub(crate) struct EnvArgs {
    /// How to write them [default: shell; with --write: dotenv].
    #[arg(long, value_enum, value_name = "FORMAT", hide_default_value = true)]
    pub(crate) format: Option<Format>,
    /// Write them into this file, in place of the lines between
    /// "# >>> portlease >>>" and "# <<< portlease <<<", and leave the rest of it.
    #[arg(long, value_name = "FILE")]
    pub(crate) write: Option<std::path::PathBuf>,
    /// The project. The services are still those of portlease.toml.
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,
    /// The project's directory: an app that runs in it is the project's own.
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<std::path::PathBuf>,
}

/// Write a portlease.toml for this directory, from what its files tell.
///
/// Looked at are package.json, Procfile, compose files, .env files (lines of
/// ports alone), and what names Django, Flask, Rails and other frameworks in
/// Python, Ruby, Rust and Go. Nothing is run. What would be written is shown
/// first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease init              shows it, asks, and writes it
  portlease init --dry-run    shows it
  portlease init --yes        writes it, as in a script")]
pub(crate) struct InitArgs {
    /// Print what would be written, and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Write it even if there is one.
    #[arg(long)]
    pub(crate) force: bool,
    /// What the project is called [default: as its repository or directory].
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,
}

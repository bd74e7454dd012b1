//! The commands that tell about the program itself.

use std::path::PathBuf;

use crate::completion::Shell;

/// Print the lines that make a shell complete portlease at the Tab key.
///
/// Commands, options, the names of projects and services as they are at that
/// moment, ports, and after run -- the programs of the PATH. A daemon that does
/// not run is not started, and one that does not answer within 150 ms is not
/// waited for. Packages bring these lines along.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  source <(portlease completions bash)      in ~/.bashrc
  source <(portlease completions zsh)       in ~/.zshrc, after compinit
  portlease completions fish | source       in ~/.config/fish/config.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Shell,
    /// The program that the shell is to ask [default: this very one].
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) program: Option<String>,
}

/// Print a manual page, or write all of them into a directory.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease man get > get.1 && man ./get.1
  portlease man --dir ~/.local/share/man/man1    then: man portlease-get")]
pub(crate) struct ManArgs {
    /// The command whose page is meant [default: portlease as a whole].
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    pub(crate) command: Vec<String>,
    /// Write portlease.1, portlease-get.1 and so on into this directory, which
    /// is made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// Print the help of a command, or a topic of the guide.
///
/// Without either, lists both.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease help              commands and topics
  portlease help get          as portlease get --help
  portlease help worktrees    a topic")]
pub(crate) struct HelpArgs {
    /// A command or a topic.
    #[arg(value_name = "COMMAND|TOPIC")]
    pub(crate) topic: Vec<String>,
}

/// Say whether the daemon runs, and where it answers.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// Print it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print the reference of the HTTP API; no daemon is needed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease docs | less                        every operation and every type
  portlease docs --openapi > openapi.json      to generate a client from
  portlease docs --config | less               every setting")]
pub(crate) struct DocsArgs {
    /// Print the OpenAPI 3.1 document in place of Markdown.
    #[arg(long)]
    pub(crate) openapi: bool,
    /// Print the reference of the settings.
    #[arg(long, conflicts_with = "openapi")]
    pub(crate) config: bool,
}

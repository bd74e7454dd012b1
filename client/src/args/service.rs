//! `portlease service`

use clap::Subcommand;

/// Have the daemon there from login on.
///
/// systemd (launchd on a Mac) keeps the daemon's sockets and starts it: whoever
/// asks while it restarts waits, and is answered.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease service install      set it up; again after an upgrade
  portlease service status       is it set up, does it run?
  portlease service logs -f      what it says
  portlease service uninstall    back to a daemon that commands start")]
pub(crate) struct ServiceArgs {
    #[command(subcommand)]
    pub(crate) action: ServiceAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ServiceAction {
    /// Set the service up, start it, and see whether it answers.
    ///
    /// Run it again after an upgrade: the daemon restarts as the new program, and
    /// no request is refused meanwhile. A daemon that a command started hands over
    /// to it, with all leases.
    Install,
    Uninstall(UninstallArgs),
    Status(ServiceStatusArgs),
    Logs(LogsArgs),
}

/// End the service and take away what install wrote. Leases stay.
#[derive(Debug, clap::Args)]
pub(crate) struct UninstallArgs {
    /// The leases, too. Settings that you wrote stay.
    #[arg(long)]
    pub(crate) purge: bool,
}

/// Say whether the service is set up and runs; starts nothing.
///
/// Ends with 1 if it does not answer from login on.
#[derive(Debug, clap::Args)]
pub(crate) struct ServiceStatusArgs {
    /// Print it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print what the daemon has logged.
///
/// The journal's lines where systemd runs it, else those of its log file.
#[derive(Debug, clap::Args)]
pub(crate) struct LogsArgs {
    /// How many lines.
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100)]
    pub(crate) lines: u32,
    /// Go on as it logs, until Ctrl-C.
    #[arg(long, short)]
    pub(crate) follow: bool,
}

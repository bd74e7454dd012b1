//! What is on ports: `who`, `ports`, `stop`, `doctor`.

use portlease_proto::Port;

/// Tell who is on a port, and whose lease it is.
///
/// Shows every socket on it, TCP and UDP, and the processes behind them with
/// who started them. The first line says whether a server could bind the port.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease who 3000
  portlease who 5432 --json")]
pub(crate) struct WhoArgs {
    /// The port.
    #[arg(allow_negative_numbers = true)]
    pub(crate) port: Port,
    /// Print it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// List what listens on this machine, and which leases it has.
///
/// Listeners that other machines can reach are marked as exposed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease ports              all listeners
  portlease ports --exposed    those that other machines reach, and how to close them")]
pub(crate) struct PortsArgs {
    /// Only those that other machines can reach, with what binds a known
    /// framework to this machine.
    #[arg(long)]
    pub(crate) exposed: bool,
    /// Print them as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Stop the process that listens on a port.
///
/// Shows it and asks first. It is told to end (SIGTERM) and waited for; if it
/// does not, --kill ends it for sure. Nobody else is ever hit, even if its
/// number is given to another process meanwhile.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease stop 3000           shows it and asks
  portlease stop 3000 --yes     in a script
  portlease stop 3000 --kill    when it does not end otherwise")]
pub(crate) struct StopArgs {
    /// The port.
    #[arg(allow_negative_numbers = true)]
    pub(crate) port: Port,
    /// Do not ask.
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// End it at once (SIGKILL): it cannot put its things in order.
    #[arg(long)]
    pub(crate) kill: bool,
    /// Print what came of it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Find out why a port cannot be reached, or what is wrong with portlease.
///
/// Looks for the causes one by one, the likeliest first, and says what to type
/// about each that it finds. Without a port it looks at the machine and at
/// portlease itself, and starts no daemon. Ends with 1 if a check failed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease doctor                          is all well with portlease?
  portlease doctor 3000                     why not http://localhost:3000?
  portlease doctor 3000 --host 127.0.0.1    why not http://127.0.0.1:3000?
  portlease doctor 3000 --host https://localhost
  portlease doctor myapp                    every port of a project")]
pub(crate) struct DoctorArgs {
    /// The port, or the project whose ports are meant.
    #[arg(value_name = "PORT|NAME", allow_negative_numbers = true)]
    pub(crate) port: Option<String>,
    /// What the client that gets no answer calls this machine: localhost or an
    /// IP address, with http:// or https:// before it if that matters.
    #[arg(long, value_name = "HOST", default_value = "localhost", requires = "port")]
    pub(crate) host: String,
    /// Print what was found as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

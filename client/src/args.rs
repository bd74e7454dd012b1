//! The command line as it is typed. Doc comments here are the help texts.

mod about;
mod config;
mod kept;
mod narrow;
mod ports;
mod run;
mod service;
mod whole;

use std::num::NonZeroU32;

use clap::{Parser, Subcommand};
use portlease_proto::{Port, PortRange, ProjectName, Protocol, Ttl};
use portleased::compat::Address;

pub(crate) use about::{CompletionsArgs, DocsArgs, HelpArgs, ManArgs, StatusArgs};
pub(crate) use config::{ConfigArgs, SettingArgs};
pub(crate) use kept::{ExportArgs, GcArgs, ImportArgs, MvArgs, OpenArgs};
pub(crate) use narrow::narrowly;
pub(crate) use ports::{DoctorArgs, PortsArgs, StopArgs, WhoArgs};
pub(crate) use run::{RunArgs, StageArgs};
pub(crate) use service::{LogsArgs, ServiceAction, ServiceArgs, ServiceStatusArgs, UninstallArgs};
pub(crate) use whole::{EnvArgs, InitArgs};

/// Conflict-free, stable ports for every project on this machine.
#[derive(Debug, Parser)]
#[command(
    name = "portlease",
    version = env!("PORTLEASE_VERSION"),
    disable_help_subcommand = true,
    after_help = "Exit codes: 0 done · 1 failed · 2 usage · 3 no such lease · 4 no port to be had · 69 daemon unreachable"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Get(GetArgs),
    Run(RunArgs),
    Env(EnvArgs),
    Init(InitArgs),
    List(ListArgs),
    Show(ShowArgs),
    Release(ReleaseArgs),
    Renew(RenewArgs),
    Open(OpenArgs),
    Mv(MvArgs),
    Gc(GcArgs),
    Export(ExportArgs),
    Import(ImportArgs),
    Watch(WatchArgs),
    Who(WhoArgs),
    Ports(PortsArgs),
    Stop(StopArgs),
    Doctor(DoctorArgs),
    Status(StatusArgs),
    Token(TokenArgs),
    Config(ConfigArgs),
    Daemon(DaemonArgs),
    Service(ServiceArgs),
    Portserver(PortserverArgs),
    Docs(DocsArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
    Help(HelpArgs),
    #[command(hide = true)]
    Stage(StageArgs),
}

/// Whose lease.
#[derive(Debug, clap::Args)]
pub(crate) struct Names {
    /// The project, or a service that portlease.toml names. Without a name:
    /// $PORTLEASE_PROJECT, else the project of this directory.
    pub(crate) name: Option<String>,
    /// One service of it.
    pub(crate) service: Option<String>,
    /// The project; the only name beside it is the service.
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,
}

/// Print the port of a project, leasing one if it has none.
///
/// The same name gets the same port every time. The port is printed alone on
/// standard output; anything worth knowing goes to standard error.
///
/// Without a name the project is that of the directory: the nearest
/// portlease.toml or git repository above, below the home directory, says which.
/// A linked worktree of git is a project of its own, with ports of its own. Of
/// portlease.toml, what it says of the service is followed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease get                            a port for the project in this directory
  portlease get web                        for the service web that portlease.toml names
  portlease get myapp                      a port for myapp
  portlease get myapp db                   another one, for its database
  portlease get myapp --prefer 3000,3001   one of these if possible
  portlease get myapp --port 5432          this one, or exit code 4
  portlease get myapp web --count 4        four in a row: of web, web-2, web-3 and web-4
  portlease get tests --owner-pid $$       until this shell ends
  PORT=$(portlease get myapp) || exit 1    in a script")]
pub(crate) struct GetArgs {
    #[command(flatten)]
    pub(crate) names: Names,
    /// Exactly this port, or fail.
    #[arg(long, value_name = "N", conflicts_with = "prefer", allow_negative_numbers = true)]
    pub(crate) port: Option<Port>,
    /// These ports first, in this order, then any of the pool.
    #[arg(long, value_name = "N", num_args = 1.., allow_negative_numbers = true)]
    pub(crate) prefer: Vec<String>,
    /// Choose from these ports in place of the pool.
    #[arg(long, value_name = "A-B", allow_hyphen_values = true)]
    pub(crate) range: Option<PortRange>,
    /// So many ports in a row, a line each: those of SERVICE, SERVICE-2 and so
    /// on. More later are added behind them; fewer give none back. --port and
    /// --prefer say where they begin.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) count: Option<u16>,
    /// Where the port must be free: tcp, udp or both [default: both].
    #[arg(long, value_name = "PROTOCOL")]
    pub(crate) protocol: Option<Protocol>,
    /// A lease that ends after so many seconds unless it is renewed.
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) ttl: Option<Ttl>,
    /// A lease that ends with this process.
    #[arg(long, value_name = "PID", allow_negative_numbers = true)]
    pub(crate) owner_pid: Option<NonZeroU32>,
    /// Keep the port by a socket until the app binds it.
    #[arg(long)]
    pub(crate) hold: bool,
    /// Fail, rather than move, when a stranger is on the leased port.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Choose anew as this command line says, even if there is a lease.
    #[arg(long)]
    pub(crate) reset: bool,
    /// Take a port even if it is on the list of excluded ports.
    #[arg(long)]
    pub(crate) force: bool,
    /// The project's directory: an app that runs in it is the project's own.
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<std::path::PathBuf>,
    /// Say which ports were skipped, and why.
    #[arg(long)]
    pub(crate) explain: bool,
    /// Print the lease as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// List all leases and what is on their ports.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease list            what there is, and what runs
  portlease list --watch    the same, as it changes
  portlease list --all      with the ports that tests have")]
pub(crate) struct ListArgs {
    /// Anonymous leases, too: ports that tests have.
    #[arg(long)]
    pub(crate) all: bool,
    /// Show them anew whenever something happens, until Ctrl-C: in place on a
    /// terminal, else a table after the other; with --json a line each.
    #[arg(long)]
    pub(crate) watch: bool,
    /// Print them as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show the leases of a project in full.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease show           those of the project in this directory
  portlease show myapp     those of myapp")]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) names: Names,
    /// Print them as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Release a project's leases, or one of them.
///
/// Whatever runs on a released port goes on running.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease release              all services of the project in this directory
  portlease release myapp        all services of myapp
  portlease release myapp db     one of them")]
pub(crate) struct ReleaseArgs {
    #[command(flatten)]
    pub(crate) names: Names,
    /// Print what was released as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Let a lease with a TTL live on.
///
/// Without --ttl it lives for as long as it was given for before. A lease that
/// has no TTL stays in any case.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease renew tests               for its TTL from now on
  portlease renew tests --ttl 3600    for an hour from now on")]
pub(crate) struct RenewArgs {
    #[command(flatten)]
    pub(crate) names: Names,
    /// A new TTL in seconds.
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) ttl: Option<Ttl>,
    /// Print the lease as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print what happens to leases, as it happens.
///
/// A line for each lease that is granted, moved, changed, renewed, released or
/// expired; when its app comes to the port or goes, when a stranger takes the
/// port, and when the port can be reached from outside this machine. Goes on
/// when the daemon was restarted; ends with Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease watch                   everything
  portlease watch myapp             one project
  portlease watch --json | jq .     for programs, an object a line")]
pub(crate) struct WatchArgs {
    /// One project; all when not given.
    pub(crate) name: Option<ProjectName>,
    /// Print each as JSON on a line of its own.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print the token that a program sends over TCP.
///
/// It is needed where config.toml says auth = "token", and where the kernel
/// cannot tell whose a connection is: portlease status says whether it is.
/// The Unix socket needs none. Whoever has it may use this API as you.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  TOKEN=$(portlease token) || exit 1
  printf 'Authorization: Bearer %s' \"$TOKEN\" |
    curl -H @- http://127.0.0.1:62893/v1/leases
The header goes through a pipe, since every user of the machine can read
the command lines of others.")]
pub(crate) struct TokenArgs {
    /// Print it and its file as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Run the daemon in the foreground, until SIGTERM or Ctrl-C.
///
/// Other commands start it by themselves when none answers, unless
/// PORTLEASE_NO_AUTOSTART is set. Its log goes to standard error, or to the
/// journal under systemd; PORTLEASE_LOG=debug says more. SIGHUP makes it read
/// config.toml again.
///
/// Test suites that speak the protocol of python_portpicker or of gRPC's port
/// server get their ports from the same leases, if it is told where to serve
/// them: here, or under [compat] in config.toml.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease daemon                                    with the settings of config.toml
  portlease daemon --port 6289 --pool 30000-30999     with others
  portlease daemon --set limits.kept_percent=0        any setting: portlease docs --config
  portlease daemon --portpicker @unittest-portserver
  PORTSERVER_ADDRESS=@unittest-portserver pytest      takes its ports from it
  portlease daemon --grpc-port-server                 for gRPC's own tests")]
pub(crate) struct DaemonArgs {
    /// Serve clients of python_portpicker here: @NAME, a path, or tcp:PORT. May
    /// be given several times.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) portpicker: Vec<Address>,
    /// Serve clients of gRPC's port server on this port [default: 32766, which
    /// they have compiled in].
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "32766")]
    pub(crate) grpc_port_server: Option<Port>,
    /// Print where it answers as JSON, once it does.
    #[arg(long)]
    pub(crate) json: bool,
    /// Leave the terminal. Used by the commands that start a daemon.
    #[arg(long, hide = true)]
    pub(crate) detach: bool,
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
}

/// Serve ports to test suites in the foreground, from a pool of their own.
///
/// In place of portserver.py of python_portpicker, or of gRPC's port server. It
/// needs no daemon, reads no configuration and saves nothing; no daemon of this
/// machine gives the ports that it has given. It serves this user alone. SIGUSR1
/// prints five lines of statistics.
#[derive(Debug, clap::Args)]
#[command(
    group(clap::ArgGroup::new("protocol").required(true).multiple(true).args(["portpicker", "grpc"])),
    after_help = "\
Examples:
  portlease portserver --portpicker @unittest-portserver
  PORTSERVER_ADDRESS=@unittest-portserver pytest       takes its ports from it
  portlease portserver --portpicker tcp:15999 --pool 16000-16999,18000-18999
  portlease portserver --grpc 32766                    for gRPC's own tests")]
pub(crate) struct PortserverArgs {
    /// Serve clients of python_portpicker here: @NAME, a path, or tcp:PORT. May
    /// be given several times.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) portpicker: Vec<Address>,
    /// Serve clients of gRPC's port server on this port [default: 32766, which
    /// they have compiled in].
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "32766")]
    pub(crate) grpc: Option<Port>,
    /// The ports to give.
    #[arg(long, value_name = "A-B,…", value_delimiter = ',', default_value = "15000-24999")]
    pub(crate) pool: Vec<PortRange>,
}

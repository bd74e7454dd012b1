//! `portlease run`

use std::ffi::OsString;

use portlease_proto::ServiceName;

/// Start a command on the ports of this project.
///
/// All services of the project are leased, their variables set, and the command
/// started with the terminal, signals and exit status passed through. In its
/// arguments {port} stands for the port of the service, {url} for its URL, and
/// {NAME} for the port of the service NAME. What it starts is the project's own
/// app, wherever it runs.
///
/// For 30 s portlease looks where the app really listens, and says so if that is
/// another port than the leased one, or one that other machines can reach.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease run -- npm run dev                              with $PORT set
  portlease run -- vite --port {port} --strictPort          for what does not read $PORT
  portlease run api -- uvicorn app:app --port {port}        for the service api
  portlease run --listen-fd -- gunicorn app:app             it gets the listening socket

Exit codes: those of the command, 128 and the signal's number if a signal ended it, 127 if
there is no such command, 126 if it cannot be run; before that those of portlease get.")]
pub(crate) struct RunArgs {
    /// The service that the command is [default: the only one, else default or web].
    pub(crate) service: Option<ServiceName>,
    /// The project [default: $PORTLEASE_PROJECT, else that of this directory].
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,
    /// Pass the listening socket, on 127.0.0.1, as systemd does (LISTEN_FDS).
    #[arg(long)]
    pub(crate) listen_fd: bool,
    /// Keep the ports by sockets until the app begins, and after it has ended.
    #[arg(long)]
    pub(crate) hold: bool,
    /// Fail, rather than move, when a stranger is on a leased port.
    #[arg(long)]
    pub(crate) strict: bool,
    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

/// Becomes a command when told to; a part of `run`.
#[derive(Debug, clap::Args)]
pub(crate) struct StageArgs {
    /// The open file through which it is told.
    pub(crate) gate: i32,
    /// Whether the command gets listening sockets.
    #[arg(long)]
    pub(crate) listens: bool,
    /// The command and its arguments.
    #[arg(last = true, required = true)]
    pub(crate) command: Vec<OsString>,
}

//! The port servers alone, in the foreground: a pool of their own, and no
//! registry, no configuration and no API. The claims on their ports keep every
//! daemon of the machine away from them.

use std::{io, sync::Arc};

use tokio::signal::unix::{SignalKind, signal};

use super::{CompatError, Desk, Serving, Wanted};
use crate::{
    allocator::Pool,
    clock::SystemClock,
    daemon::raise_file_limit,
    events::Events,
    expiry::{self, Bell},
    manager::{Edges, Manager, Settings},
    metrics::Metrics,
    owners::SystemOwners,
    processes::SystemProcesses,
    registry::Registry,
    sockets::SystemSockets,
    store::Unsaved,
};

/// The most connections at once at each place, where files allow it.
const CONNECTIONS: u64 = 512;
/// Files for all else.
const OWN_FILES: u64 = 64;

/// How to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// What is served, and where.
    pub wanted: Wanted,
    /// The ports that are given.
    pub pool: Pool,
}

/// Why it does not run.
#[derive(Debug, thiserror::Error)]
pub enum PortServerError {
    /// A place cannot be served.
    #[error(transparent)]
    Compat(#[from] CompatError),
    /// The runtime or its signals.
    #[error("the port server cannot run")]
    Io(#[from] io::Error),
}

/// Serves until SIGTERM, SIGINT, or a gRPC client's word when there is nothing
/// else to serve. `announce` is called once, when it serves; `statistics` on
/// SIGUSR1 and at the end.
///
/// # Errors
/// [`PortServerError`]; none once it serves.
pub fn run(
    options: &Options,
    announce: impl FnOnce(),
    statistics: impl FnMut(&[String; 5]),
) -> Result<(), PortServerError> {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let files = raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(options, files, announce, statistics))
}

async fn serve(
    options: &Options,
    files: u64,
    announce: impl FnOnce(),
    mut statistics: impl FnMut(&[String; 5]),
) -> Result<(), PortServerError> {
    let metrics = Arc::new(Metrics::default());
    let owners = Arc::new(SystemOwners::new()?);
    let bell = Bell::of(&owners)?;
    let edges = Edges {
        sockets: Arc::new(SystemSockets),
        processes: Arc::new(SystemProcesses),
        owners,
        clock: Arc::new(SystemClock),
        events: Arc::new(Events::new(0)),
    };
    let connections = (files / 4).clamp(16, CONNECTIONS);
    let settings = Settings {
        pool: options.pool.clone(),
        // Nobody else is served from this pool.
        kept_percent: 0,
        files: usize::try_from(files.saturating_sub(connections + OWN_FILES)).unwrap_or(usize::MAX),
        ..Settings::default()
    };
    let manager = Arc::new(Manager::new(edges.clone(), settings, Box::new(Unsaved), Registry::default()));
    tokio::spawn(expiry::run(manager.clone(), bell, edges.events.watch()));
    let desk = Desk::new(manager, edges, metrics, usize::try_from(connections).unwrap_or(16));

    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut asked = signal(SignalKind::user_defined1())?;
    let mut serving = Serving::start(&desk, &options.wanted)?;
    announce();
    let alone = options.wanted.portpicker.is_empty();
    loop {
        tokio::select! {
            _signal = terminate.recv() => break,
            _signal = interrupt.recv() => break,
            _signal = asked.recv() => statistics(&desk.statistics()),
            () = serving.quit(), if alone => break,
        }
    }
    statistics(&desk.statistics());
    Ok(())
}

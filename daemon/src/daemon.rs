//! From nothing to a serving daemon, and down again.

use std::{io, path::Path, sync::Arc, time::Duration};

use portlease_local::network;
use portlease_proto::{Endpoint, Paths, Port};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    activation::{ActivationError, Passed},
    api_port::{self, WayIn},
    clock::{Clock, SystemClock},
    compat::{self, CompatError, Desk, Serving},
    config::{Config, ConfigError, Layers, Overrides},
    diary,
    events::Events,
    expiry::{self, Bell},
    http::{App, Server},
    inherited,
    instance::{Instance, Running},
    keeper::Keeper,
    locks::Locks,
    manager::{Edges, Manager, Settings},
    metrics::Metrics,
    owners::SystemOwners,
    predecessor,
    private::{self, PrivateError},
    processes::SystemProcesses,
    reload::{self, Reload},
    roots,
    signals::{Signals, Told},
    sockets::SystemSockets,
    status::Status,
    store::{Opened, SqliteStore, StoreError},
    supervisor, token, watch,
};

/// How long requests under way may take when the daemon ends. All of the end
/// is to be over within two seconds.
const DRAIN: Duration = Duration::from_millis(1500);
/// Files for all else: the store, the listeners, probes and tables.
const OWN_FILES: u64 = 32;

/// Why a daemon does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is one.
    #[error(transparent)]
    Running(#[from] Running),
    /// There is one, and this one cannot take its place nor do its work.
    #[error(
        "the daemon of this registry (pid {pid}) runs in another network namespace, which has ports of its own: \
         keep leases of this one apart with PORTLEASE_HOME=DIRECTORY portlease daemon"
    )]
    OtherNetwork {
        /// The one that runs.
        pid: u32,
    },
    /// Another one runs, whose place this one was to take.
    #[error("the daemon that runs already does not give way")]
    Predecessor(#[source] io::Error),
    /// The sockets of a service manager.
    #[error(transparent)]
    Activation(#[from] ActivationError),
    /// A directory or a lock file.
    #[error(transparent)]
    Private(#[from] PrivateError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The registry.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The Unix socket.
    #[error("the API socket {} cannot be served on", path.display())]
    Socket {
        /// Where.
        path: std::path::PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A place that the command line names for a foreign protocol.
    #[error(transparent)]
    Compat(#[from] CompatError),
    /// The runtime or its signals.
    #[error("the daemon cannot run")]
    Io(#[from] io::Error),
}

/// How to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where things live.
    pub paths: Paths,
    /// Leave the terminal and the working directory of whoever started it.
    pub detach: bool,
    /// The foreign protocols to serve, beside those that the configuration names.
    pub compat: compat::Wanted,
    /// The settings that come before those of the configuration file.
    pub overrides: Overrides,
}

/// What a daemon that serves has to say.
#[derive(Debug)]
pub struct Ready<'a> {
    /// The Unix socket.
    pub socket: &'a Path,
    /// The TCP address.
    pub endpoint: Endpoint,
}

/// Runs the daemon until SIGTERM or SIGINT; SIGHUP makes it read the
/// configuration again. `announce` is called once, when it
/// serves.
///
/// # Errors
/// [`StartError`]; none once it serves.
pub fn run(options: &Options, announce: impl FnOnce(Ready<'_>)) -> Result<(), StartError> {
    // Before anything is made: nothing of ours is for other users.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    if options.detach {
        inherited::close()?;
        // Fails only for a process that leads a group already.
        let _session = rustix::process::setsid();
        std::env::set_current_dir("/")?;
    }
    // The first to open anything, so that their numbers are still theirs.
    let passed = Passed::take(&options.paths.socket())?;
    let files = raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(serve(options, passed, files, announce));
    // A walk through /proc for a client that was cut off is not waited for.
    runtime.shutdown_background();
    done
}

async fn serve(
    options: &Options,
    passed: Passed,
    files: u64,
    announce: impl FnOnce(Ready<'_>),
) -> Result<(), StartError> {
    let paths = &options.paths;
    private::directory(paths.state())?;
    private::directory(paths.runtime())?;
    let layers = Layers::read(&paths.config_file(), &options.overrides)?;
    let config = &layers.config;
    let wanted_port = wanted_port(&passed, config);
    let instance = take_instance(paths.state(), &passed)?;
    let locks = Locks::take(paths).map_err(|error| match error {
        PrivateError::Locked { .. } => locked(paths),
        error => StartError::Private(error),
    })?;

    // From here on it ends in good order, whenever it is told to.
    let mut signals = Signals::new()?;
    let token = token::take(&paths.token())?;

    let now = SystemClock.now();
    let Opened { store, registry, epoch, set_aside, in_part } =
        SqliteStore::open(&paths.registry(), config.synchronous, now)?;
    let mut notices: Vec<String> = set_aside
        .into_iter()
        .map(|path| {
            let (what, now) = match in_part {
                true => ("the log of the registry", "what could be read of it counts"),
                false => ("the registry", "a fresh one was begun"),
            };
            let notice = format!("{what} was damaged: it was kept as {}, and {now}", path.display());
            tracing::warn!("{notice}");
            notice
        })
        .collect();
    let checkpointer = store.checkpointer();
    let metrics = Arc::new(Metrics::default());
    let owners = Arc::new(SystemOwners::new()?);
    let bell = Bell::of(&owners)?;
    let edges = Edges {
        sockets: Arc::new(metrics.sockets(Arc::new(SystemSockets))),
        processes: Arc::new(SystemProcesses),
        owners,
        clock: Arc::new(SystemClock),
        events: Arc::new(Events::new(epoch)),
    };
    let connections = u32::try_from(files / 4).unwrap_or(u32::MAX).clamp(16, config.limits.connections);
    let places = options.compat.clone().and(config.compat.wanted()).each().len() as u64;
    let at_each_place = u64::from(connections / 2).max(16);
    let own_files = u64::from(connections) + places * at_each_place + OWN_FILES;
    let settings = Settings {
        files: usize::try_from(files.saturating_sub(own_files)).unwrap_or(usize::MAX),
        ..reload::settings(config)
    };
    let store = Box::new(metrics.store(Box::new(store)));
    let manager = Arc::new(Manager::new(edges.clone(), settings, store, registry));
    reload::warn_of_overlap(&manager, config);
    tokio::spawn(expiry::run(manager.clone(), bell, edges.events.watch()));
    tokio::spawn(diary::run(edges.events.clone()));
    tokio::spawn(roots::run(manager.clone()));
    tokio::spawn(watch::run(manager.clone(), edges.events.clone()));
    let desk = Desk::new(
        manager.clone(),
        edges.clone(),
        metrics.clone(),
        usize::try_from(at_each_place).unwrap_or(16),
    );
    let foreign = serve_foreign(&desk, options, config, &mut notices)?;
    let status = Arc::new(Status::new(now.wall, wanted_port, notices));
    let mut reload =
        Reload::new(paths.config_file(), options.overrides.clone(), &layers, manager.clone(), status.clone());
    let app = App { manager, status, edges, metrics };
    tokio::spawn(supervisor::run(app.manager.clone(), app.status.clone()));
    let server = Server::new(app.clone(), connections);

    let way_in = WayIn { port: wanted_port, auth: config.auth, token };
    let mut keeper = Keeper::new(paths, way_in, server.clone(), app, checkpointer, locks);
    keeper.serve_unix(passed.unix).map_err(|source| StartError::Socket { path: paths.socket(), source })?;
    let endpoint = keeper.serve_tcp(passed.tcp);
    tracing::info!(
        "serving {} leases on {} and {}",
        keeper.leases(),
        paths.socket().display(),
        endpoint.url.as_deref().unwrap_or("no TCP port"),
    );
    supervisor::ready();
    announce(Ready { socket: &paths.socket(), endpoint });

    if !foreign.is_empty() {
        tokio::spawn(log_statistics(desk, signal(SignalKind::user_defined1())?));
    }
    loop {
        tokio::select! {
            told = signals.next() => match told {
                Told::Reload => reload.run(&mut keeper),
                Told::Stop(name) => {
                    tracing::info!("{name}: stopping");
                    break;
                }
            },
            () = keeper.keep(&instance) => break,
        }
    }
    supervisor::stopping();
    drop(foreign);
    keeper.stop_listening();
    tokio::select! {
        () = server.drain(DRAIN) => {}
        name = signals.stop() => tracing::warn!("{name} again: whoever is still connected is cut off"),
    }
    keeper.clear_away();
    Ok(())
}

/// The places of the command line or none of them. One of the configuration
/// that cannot be served is told of, and costs nobody his leases.
fn serve_foreign(
    desk: &Desk,
    options: &Options,
    config: &Config,
    notices: &mut Vec<String>,
) -> Result<Vec<Serving>, CompatError> {
    let mut foreign = Vec::new();
    if !options.compat.is_empty() {
        foreign.push(Serving::start(desk, &options.compat)?);
    }
    let asked = options.compat.each();
    for place in config.compat.wanted().each().into_iter().filter(|place| !asked.contains(place)) {
        match Serving::start(desk, &place) {
            Ok(serving) => foreign.push(serving),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
                let notice = format!("of [compat]: {error}{}", cause.unwrap_or_default());
                tracing::error!("{}", portlease_proto::escape(&notice));
                notices.push(notice);
            }
        }
    }
    Ok(foreign)
}

/// What clients of portpicker's own server look for on its standard error.
async fn log_statistics(desk: Desk, mut asked: tokio::signal::unix::Signal) {
    while asked.recv().await.is_some() {
        for line in desk.statistics() {
            tracing::info!("{line}");
        }
    }
}

/// The service manager keeps to what its unit says, so that is what is wanted:
/// whoever connects there would wait for ever otherwise.
fn wanted_port(passed: &Passed, config: &Config) -> Port {
    let Some(port) = passed.port().filter(|port| *port != config.api.port) else { return config.api.port };
    tracing::warn!(
        "the service manager keeps port {port} for the API, and the settings say {}: \
         to change its units, run portlease service install",
        config.api.port
    );
    port
}

/// Who has the locks was not found by the name that is known within a network
/// namespace: it is just ending, or in another one.
fn locked(paths: &Paths) -> StartError {
    let elsewhere =
        api_port::published(paths).map(|endpoint| endpoint.pid).filter(|pid| network::is_elsewhere(*pid));
    elsewhere.map_or(StartError::Running(Running), |pid| StartError::OtherNetwork { pid })
}

/// A service manager's daemon takes the place of one that a command started.
fn take_instance(state: &Path, passed: &Passed) -> Result<Instance, StartError> {
    let state = std::fs::canonicalize(state)?;
    match Instance::take(&state) {
        Err(Running) if passed.any() => {
            if let Some(pid) = predecessor::end(&state).map_err(StartError::Predecessor)? {
                tracing::info!("took the place of the daemon that ran (pid {pid})");
            }
            Ok(Instance::take(&state)?)
        }
        taken => Ok(taken?),
    }
}

/// Each lease and each connection takes a file: take all that the limit allows.
pub(crate) fn raise_file_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let now = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    now.unwrap_or(u64::MAX)
}

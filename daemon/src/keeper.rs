//! What a running daemon does by itself: it keeps its files in their places,
//! its commits on the disk, and goes back to its TCP port when that is free.

mod rewire;

use std::{
    fs, io,
    net::{SocketAddr, TcpListener as StdTcpListener},
    os::unix::net::UnixListener as StdUnixListener,
    sync::Arc,
    time::Duration,
};

use portlease_proto::{Auth, Endpoint, Holder, Paths, Port};
use tokio::{
    net::{TcpListener, UnixListener},
    task::AbortHandle,
    time::MissedTickBehavior,
};

use crate::{
    api_port::{self, Listening, WayIn},
    clock,
    http::{App, Server, TcpDoor},
    instance::Instance,
    locks::Locks,
    manager::{Edges, Manager},
    memory::{self, Rest},
    peer,
    private::{self, PrivateError},
    status::Status,
    store::Checkpointer,
    token,
    unix_socket::SocketFile,
};

/// How often it looks: a deleted socket is missed for no longer than this, and
/// a commit is on the disk within a second.
const TICK: Duration = Duration::from_millis(900);
/// How many ticks pass between attempts at the wanted TCP port, and looks at
/// whether anything is done.
const SELDOM_TICKS: u32 = 11;

/// What keeps the keeper from its work.
enum Trouble {
    /// Another daemon has our files: this one is to end.
    Replaced(PrivateError),
    /// It may be over at the next tick.
    Passing(String),
}

impl Trouble {
    fn passing(what: &str, error: &dyn std::error::Error) -> Self {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        Self::Passing(format!("{what}: {error}{cause}"))
    }
}

/// The daemon's own housekeeping.
pub struct Keeper {
    paths: Paths,
    way_in: WayIn,
    edges: Edges,
    server: Server,
    manager: Arc<Manager>,
    status: Arc<Status>,
    checkpointer: Checkpointer,
    locks: Locks,
    unix: Option<(AbortHandle, SocketFile)>,
    tcp: Vec<AbortHandle>,
    door: Option<TcpDoor>,
    /// Where a service manager keeps the TCP sockets.
    kept_port: Option<Port>,
    rest: Rest,
}

impl Keeper {
    /// A keeper that serves on nothing yet.
    #[must_use]
    pub fn new(
        paths: &Paths,
        way_in: WayIn,
        server: Server,
        app: App,
        store: Checkpointer,
        locks: Locks,
    ) -> Self {
        let App { manager, status, edges, .. } = app;
        Self {
            paths: paths.clone(),
            way_in,
            edges,
            server,
            manager,
            status,
            checkpointer: store,
            locks,
            unix: None,
            tcp: Vec::new(),
            door: None,
            kept_port: None,
            rest: Rest::default(),
        }
    }

    /// How many leases are served.
    pub fn leases(&self) -> usize {
        self.manager.len()
    }

    /// Serves on the Unix socket: the one that was passed, if it is in its
    /// place.
    ///
    /// # Errors
    /// As the system calls; when the one that was passed is another user's.
    pub fn serve_unix(&mut self, passed: Option<StdUnixListener>) -> io::Result<()> {
        let path = self.paths.socket();
        let passed = match passed {
            Some(listener) => SocketFile::passed(&path)?.map(|file| (listener, file)),
            None => None,
        };
        let (listener, file) = match passed {
            Some(passed) => passed,
            None => SocketFile::make(&path)?,
        };
        listener.set_nonblocking(true)?;
        let serving = self.server.serve_unix(UnixListener::from_std(listener)?);
        if let Some((before, _)) = self.unix.replace((serving, file)) {
            before.abort();
        }
        Ok(())
    }

    /// Serves on the wanted TCP port, with the listeners there that were passed,
    /// else on one near it, and publishes which.
    pub fn serve_tcp(&mut self, passed: Vec<StdTcpListener>) -> Endpoint {
        if !passed.is_empty() {
            self.kept_port = Some(self.way_in.port);
        }
        match api_port::complete(self.way_in.port, passed) {
            Ok(listening) => self.serve_on(listening, None),
            Err(error) => {
                let holder = self.holder_of_wanted_port();
                let who = holder
                    .as_ref()
                    .map_or_else(|| error.to_string(), |holder| format!("it is held by {holder}"));
                tracing::warn!(
                    "the API cannot have port {}: {}",
                    self.way_in.port,
                    portlease_proto::escape(&who)
                );
                match api_port::listen_near(self.way_in.port) {
                    Ok(listening) => self.serve_on(listening, holder),
                    Err(error) => {
                        tracing::warn!("the API is on its Unix socket alone: {error}");
                        self.publish(Vec::new(), self.way_in.auth, holder)
                    }
                }
            }
        }
    }

    fn serve_on(&mut self, listening: Listening, holder: Option<Holder>) -> Endpoint {
        let addresses = listening.addresses().unwrap_or_default();
        let listeners: io::Result<Vec<TcpListener>> =
            listening.listeners.into_iter().map(TcpListener::from_std).collect();
        match listeners {
            Ok(listeners) => {
                let sockets = self.edges.sockets.as_ref();
                let auth = peer::auth_in_force(sockets, self.way_in.auth, &addresses);
                let door = TcpDoor::new(&addresses, auth, self.way_in.token.clone());
                let serve = |listener| self.server.serve_tcp(listener, door.clone());
                let serving = listeners.into_iter().map(serve).collect();
                self.door = Some(door.clone());
                for before in std::mem::replace(&mut self.tcp, serving) {
                    before.abort();
                }
                self.publish(addresses, auth, holder)
            }
            Err(error) => {
                tracing::warn!("the API is on its Unix socket alone: {error}");
                self.publish(Vec::new(), self.way_in.auth, holder)
            }
        }
    }

    fn publish(&self, addresses: Vec<SocketAddr>, auth: Auth, holder: Option<Holder>) -> Endpoint {
        let ports = addresses.iter().filter_map(|address| Port::new(address.port()));
        self.manager.set_api_ports(ports.chain([self.way_in.port]).collect());
        let endpoint = self.status.moved_to(addresses, auth, holder);
        api_port::publish(&self.paths, &endpoint);
        endpoint
    }

    fn holder_of_wanted_port(&self) -> Option<Holder> {
        self.manager.holder(self.way_in.port).unwrap_or_default()
    }

    /// Keeps until it finds that another daemon is in its place.
    pub async fn keep(&mut self, instance: &Instance) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut count: u32 = 0;
        let mut trouble = None;
        loop {
            tokio::select! {
                _tick = ticks.tick() => count = count.wrapping_add(1),
                () = instance.knocked() => {}
            }
            match self.look_after_files().await {
                Err(Trouble::Replaced(error)) => {
                    tracing::error!("another daemon has taken this one's place: {error}");
                    return;
                }
                // Tried again at the next tick, and said once.
                Err(Trouble::Passing(now)) if trouble.as_ref() == Some(&now) => {}
                Err(Trouble::Passing(now)) => {
                    tracing::error!("{now}");
                    trouble = Some(now);
                }
                Ok(()) => trouble = None,
            }
            if count.is_multiple_of(SELDOM_TICKS) {
                self.go_back_to_wanted_port();
                self.give_memory_back();
            }
        }
    }

    fn files_in_place(&self) -> bool {
        self.locks.in_place()
            && self.socket_in_place()
            && self.token_in_place()
            && self.paths.endpoint().exists()
    }

    fn socket_in_place(&self) -> bool {
        self.unix.as_ref().is_some_and(|(_, file)| file.in_place(&self.paths.socket()))
    }

    fn token_in_place(&self) -> bool {
        token::in_place(&self.paths.token(), &self.way_in.token)
    }

    /// Somebody deleted one of our directories, or a file in it.
    fn put_files_back(&mut self) -> Result<(), PrivateError> {
        private::directory(self.paths.state())?;
        private::directory(self.paths.runtime())?;
        self.locks.retake()?;
        // Replacing one that is in its place would cut off who is about to be
        // accepted there.
        if !self.socket_in_place() {
            let path = self.paths.socket();
            self.serve_unix(None).map_err(|source| PrivateError::Io { path, source })?;
        }
        if !self.token_in_place() {
            self.way_in.token.write(&self.paths.token())?;
        }
        api_port::publish(&self.paths, &self.status.endpoint());
        tracing::warn!("files in {} were deleted; they are back", self.paths.runtime().display());
        Ok(())
    }

    async fn look_after_files(&mut self) -> Result<(), Trouble> {
        if !self.files_in_place() {
            self.put_files_back().map_err(|error| match error {
                PrivateError::Locked { .. } => Trouble::Replaced(error),
                error => Trouble::passing("files were deleted and cannot be put back", &error),
            })?;
        }
        self.save().await
    }

    /// What was committed goes to the disk, and a registry whose file was
    /// deleted is written anew.
    async fn save(&self) -> Result<(), Trouble> {
        let restored = self.manager.restore_store();
        if restored.map_err(|error| Trouble::passing("the registry was deleted", &error))? {
            tracing::warn!("the registry was deleted; it was written anew");
        }
        if !self.manager.take_unsaved() {
            return Ok(());
        }
        let checkpointer = self.checkpointer.clone();
        let done = tokio::task::spawn_blocking(move || checkpointer.run()).await;
        match done {
            Ok(Ok(true)) => return Ok(()),
            // Not all of it: somebody reads the file at this moment.
            Ok(Ok(false)) => self.manager.set_unsaved(),
            Ok(Err(error)) => {
                self.manager.set_unsaved();
                return Err(Trouble::passing("the registry is not on the disk yet", &error));
            }
            Err(error) => {
                self.manager.set_unsaved();
                return Err(Trouble::passing("the registry is not on the disk yet", &error));
            }
        }
        Ok(())
    }

    fn go_back_to_wanted_port(&mut self) {
        if self.status.endpoint().port == Some(self.way_in.port) {
            return;
        }
        if let Ok(listening) = api_port::listen_on(self.way_in.port) {
            self.serve_on(listening, None);
            tracing::info!("the API is back on port {}", self.way_in.port);
        }
    }

    fn give_memory_back(&mut self) {
        if !self.rest.comes(clock::taken()) {
            return;
        }
        match memory::give_back_code() {
            Ok(bytes) => tracing::debug!("at rest: {} KiB of the program's file given back", bytes / 1024),
            // All that is lost is memory.
            Err(error) => tracing::debug!("at rest, and no memory given back: {error}"),
        }
    }

    /// Takes no more connections.
    pub fn stop_listening(&mut self) {
        for handle in self.tcp.iter().chain(self.unix.as_ref().map(|(handle, _)| handle)) {
            handle.abort();
        }
    }

    /// Leaves no stale files behind. Where the locks are not ours any more, what
    /// lies there is another daemon's, be it under numbers that ours had.
    pub fn clear_away(self) {
        if let Err(error) = self.checkpointer.run() {
            tracing::error!("the registry is not on the disk: {error}");
        }
        if !self.locks.in_place() {
            return;
        }
        if let Some((_, file)) = self.unix {
            file.clear_away(&self.paths.socket());
        }
        let _may_be_gone = fs::remove_file(self.paths.endpoint());
    }
}

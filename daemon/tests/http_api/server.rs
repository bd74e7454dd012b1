//! The real server in this process, with the real kernel under it.

use std::{
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixListener,
    path::PathBuf,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::SystemTime,
};

use portlease_local::Token;
use portlease_proto::{Auth, Port};
use portleased::{
    allocator::Pool,
    clock::{Clock, SystemClock},
    events::Events,
    expiry::{self, Bell},
    http::{App, Server, TcpDoor},
    manager::{Edges, Manager, Settings},
    metrics::Metrics,
    owners::SystemOwners,
    processes::SystemProcesses,
    sockets::SystemSockets,
    status::Status,
    store::{Durability, SqliteStore},
    watch,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{runtime::Runtime, sync::oneshot, task::AbortHandle};

use crate::support::{
    http::{Answer, Connection, PATIENCE, request},
    ports::Ports,
    stream::Stream,
};

/// The most leases of one project: more than the pool has ports.
pub(crate) const LEASES: usize = 20;

pub(crate) struct TestServer {
    pub(crate) ports: Ports,
    pub(crate) manager: Arc<Manager>,
    pub(crate) address: SocketAddr,
    pub(crate) token: Token,
    server: Server,
    listeners: Vec<AbortHandle>,
    runtime: tokio::runtime::Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    dir: TempDir,
}

impl TestServer {
    pub(crate) fn start() -> Self {
        Self::with(LEASES, Auth::User)
    }

    pub(crate) fn with_limit(leases_per_project: usize) -> Self {
        Self::with(leases_per_project, Auth::User)
    }

    pub(crate) fn with_token() -> Self {
        Self::with(LEASES, Auth::Token)
    }

    fn with(leases_per_project: usize, auth: Auth) -> Self {
        let (ports, dir) = (Ports::take(), tempfile::tempdir().unwrap());
        let now = SystemClock.now();
        let opened = SqliteStore::open(&dir.path().join("registry.db"), Durability::Normal, now).unwrap();
        let metrics = Metrics::default();
        let (owners, events) = (Arc::new(SystemOwners::new().unwrap()), Arc::new(Events::new(opened.epoch)));
        let edges = Edges {
            sockets: Arc::new(metrics.sockets(Arc::new(SystemSockets))),
            processes: Arc::new(SystemProcesses),
            owners: owners.clone(),
            clock: Arc::new(SystemClock),
            events: events.clone(),
        };
        let settings = Settings { pool: Pool::from(ports.pool()), leases_per_project, ..Settings::default() };
        let store = Box::new(metrics.store(Box::new(opened.store)));
        let manager = Arc::new(Manager::new(edges.clone(), settings, store, opened.registry));
        let status = Arc::new(Status::new(SystemTime::UNIX_EPOCH, Port::constant(1), Vec::new()));
        let app = App { manager: manager.clone(), status, edges, metrics: Arc::new(metrics) };
        let server = Server::new(app, 64);

        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        spawn_watches(&runtime, &manager, &events, &owners);
        let token = Token::random().unwrap();
        let door = |address| TcpDoor::new(&[address], auth, token.clone());
        let (address, listeners) = listen(&runtime, &server, dir.path().join("socket"), door);
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let _dropped = runtime.block_on(stopped);
        });
        let (stop, thread) = (Some(stop), Some(thread));
        Self { ports, manager, address, token, server, listeners, runtime: handle, stop, thread, dir }
    }

    pub(crate) fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    pub(crate) fn unix(&self) -> Connection {
        Connection::unix(&self.dir.path().join("socket")).unwrap()
    }

    pub(crate) fn tcp(&self) -> Connection {
        Connection::tcp(self.address).unwrap()
    }

    /// One request on a connection of its own.
    #[track_caller]
    pub(crate) fn ask(&self, method: &str, target: &str, body: &str) -> Answer {
        let mut connection = self.unix();
        connection.send(request(method, target, body));
        let answer = connection.answer();
        crate::spec::conforms(method, target, &answer);
        answer
    }

    pub(crate) fn put(&self, name: &str, body: &str) -> Answer {
        self.ask("PUT", &format!("/v1/leases/{name}"), body)
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, "")
    }

    /// Every lease there is.
    pub(crate) fn list(&self) -> Value {
        self.get("/v1/leases").json(200)
    }

    /// What `ask` gets must be this refusal, and nothing may have changed.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str, ask: impl FnOnce() -> Answer) -> Value {
        let before = self.list();
        let problem = ask().problem(status, code);
        assert_eq!(self.list(), before, "a refusal changed something: {problem}");
        problem
    }

    /// Opens a stream of events, with other headers if need be; its answer's
    /// head has been read.
    pub(crate) fn events(&self, target: &str, headers: &str) -> Stream {
        let mut connection = self.unix();
        connection.send(format!("GET {target} HTTP/1.1\r\nHost: x\r\n{headers}\r\n"));
        Stream::begin(connection)
    }

    /// Takes no more connections and drains; what is received says that it
    /// has drained.
    pub(crate) fn drain(&self) -> mpsc::Receiver<()> {
        for listener in &self.listeners {
            listener.abort();
        }
        let (done, drained) = mpsc::channel();
        let server = self.server.clone();
        self.runtime.spawn(async move {
            server.drain(2 * PATIENCE).await;
            done.send(())
        });
        drained
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join)
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Answer {
    /// The body of a refusal: problem+json, with all that belongs to it.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{text}");
        let problem: Value = serde_json::from_str(&text).expect("a body of JSON");
        assert_eq!((self.status, problem["code"].as_str()), (status, Some(code)), "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("urn:portlease:problem:{code}"));
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()));
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(!detail.is_empty() && !detail.contains(char::is_control), "{detail:?}");
        problem
    }
}

/// What a daemon does beside serving: it ends leases, and looks at their ports.
fn spawn_watches(runtime: &Runtime, manager: &Arc<Manager>, events: &Arc<Events>, owners: &SystemOwners) {
    let _inside = runtime.enter();
    let bell = Bell::of(owners).unwrap();
    runtime.spawn(expiry::run(manager.clone(), bell, events.watch()));
    runtime.spawn(watch::run(manager.clone(), events.clone()));
}

fn listen(
    runtime: &Runtime,
    server: &Server,
    socket: PathBuf,
    door: impl Fn(SocketAddr) -> TcpDoor,
) -> (SocketAddr, Vec<AbortHandle>) {
    let _inside = runtime.enter();
    let unix = UnixListener::bind(socket).unwrap();
    unix.set_nonblocking(true).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    tcp.set_nonblocking(true).unwrap();
    let address = tcp.local_addr().unwrap();
    let unix = server.serve_unix(tokio::net::UnixListener::from_std(unix).unwrap());
    let tcp = server.serve_tcp(tokio::net::TcpListener::from_std(tcp).unwrap(), door(address));
    (address, vec![unix, tcp])
}

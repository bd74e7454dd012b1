//! The protocol of gRPC's port server: plain HTTP, one request a connection.
//! Its clients know no refusal but to try again, and hang on a connection that
//! stays open.

use std::{
    convert::Infallible,
    net::SocketAddr,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::http::{Method, Request, Response, StatusCode, header};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use portlease_proto::{AnonymousRequest, Port, Ttl};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_io_timeout::TimeoutStream;

use super::{
    CompatError, Desk, VIA,
    client::{self, Clients},
    label,
    listen::{self, Listeners},
    places::Places,
};
use crate::{
    http::{back_off, refusal},
    manager::Error,
};

/// The label of its leases, and its name in the metrics.
const GRPC: &str = "grpc";
/// How long a lease lasts without a client. As long as there.
const ALONE: Ttl = Ttl::constant(600);
/// How long a request may take to arrive, and an answer to be read.
const PATIENCE: Duration = Duration::from_secs(5);
/// What its clients take a server for that need not be replaced.
const VERSION: &str = "21";

/// Tells when a client has told this endpoint to end.
pub(super) struct Quit(watch::Receiver<bool>);

impl Quit {
    pub(super) async fn wait(&mut self) {
        // The endpoint is gone: that is an end, too.
        let _gone = self.0.wait_for(|quit| *quit).await;
    }
}

/// Serves on both loopback addresses of a port.
pub(super) fn serve(desk: &Desk, port: Port) -> Result<(Listeners, Quit), CompatError> {
    let listeners = listen::tcp(port)?;
    let quit = watch::Sender::new(false);
    let told = Quit(quit.subscribe());
    let hosts = ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{host}:{port}"));
    let (clients, leaving) = (Mutex::default(), AtomicBool::new(false));
    let endpoint = Arc::new(Endpoint { desk: desk.clone(), hosts, clients, leaving, quit });
    let accept = |listener| tokio::spawn(accept(listener, endpoint.clone())).abort_handle();
    Ok((Listeners::new(listeners.into_iter().map(accept).collect(), None), told))
}

struct Endpoint {
    desk: Desk,
    hosts: [String; 3],
    clients: Mutex<Clients>,
    leaving: AtomicBool,
    quit: watch::Sender<bool>,
}

async fn accept(listener: TcpListener, endpoint: Arc<Endpoint>) {
    let mut places = Places::new(endpoint.desk.connections);
    let mut quit = endpoint.quit.subscribe();
    loop {
        let accepted = tokio::select! {
            _told = quit.wait_for(|quit| *quit) => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, far)) => {
                places.take(tokio::spawn(serve_one(endpoint.clone(), stream, far)).abort_handle());
            }
            Err(error) => back_off(&error).await,
        }
    }
}

async fn serve_one(endpoint: Arc<Endpoint>, stream: TcpStream, far: SocketAddr) {
    let Ok(near) = stream.local_addr() else { return };
    let ours = client::is_ours(&endpoint.desk.edges, &stream, far);
    let _best_effort = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let endpoint = endpoint.clone();
        async move { Ok::<_, Infallible>(endpoint.answer(ours, near, far, request).await) }
    });
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(PATIENCE));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .keep_alive(false)
        .max_headers(64)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    // What a client does wrong on its connection is its own affair.
    let _ended = connection.await;
    // Only now: whoever asked for it has its answer.
    if endpoint.leaving.load(Ordering::Relaxed) {
        endpoint.quit.send_replace(true);
    }
}

impl Endpoint {
    async fn answer(
        &self,
        ours: bool,
        near: SocketAddr,
        far: SocketAddr,
        request: Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        // A page in a browser must not drain the pool, nor end the endpoint.
        let refused = refusal(&self.hosts, request.method(), request.uri(), request.headers());
        if let Some(status) = refused.or((!ours).then_some(StatusCode::FORBIDDEN)) {
            return text(status, String::new());
        }
        if request.method() != Method::GET {
            return text(StatusCode::METHOD_NOT_ALLOWED, String::new());
        }
        match request.uri().path() {
            "/get" => match self.port(near, far).await {
                Some(port) => text(StatusCode::OK, port.to_string()),
                None => text(StatusCode::SERVICE_UNAVAILABLE, String::new()),
            },
            "/version_number" => text(StatusCode::OK, VERSION.to_owned()),
            "/dump" => text(StatusCode::OK, self.dump()),
            "/quitquitquit" => {
                tracing::info!("gRPC's port server was told to end");
                self.leaving.store(true, Ordering::Relaxed);
                text(StatusCode::OK, String::new())
            }
            path => match path.strip_prefix("/drop/").map(str::parse) {
                Some(Ok(port)) => self.drop(port),
                Some(Err(_)) => text(StatusCode::BAD_REQUEST, String::new()),
                None => text(StatusCode::NOT_FOUND, String::new()),
            },
        }
    }

    /// The lease lives with its client and for a while after it; where the
    /// client is not to be seen, from now on.
    async fn port(&self, near: SocketAddr, far: SocketAddr) -> Option<Port> {
        let client = self.client(near, far).await;
        let owned = client.and_then(NonZeroU32::new).map(|pid| {
            let request =
                AnonymousRequest { owner_pid: Some(pid), labels: label(GRPC), ..AnonymousRequest::default() };
            self.desk.manager.try_get_outliving(&request, ALONE)
        });
        let granted = match owned {
            Some(granted) if !matches!(granted, Err(Error::BadOwner { .. })) => granted,
            // It has ended meanwhile, or never was to be seen.
            _ => {
                let request = AnonymousRequest {
                    ttl_s: Some(ALONE),
                    labels: label(GRPC),
                    ..AnonymousRequest::default()
                };
                self.desk.manager.try_get_anonymous(&request)
            }
        };
        let lease = self.desk.given(GRPC, granted);
        self.desk.metrics.asked(GRPC, if lease.is_some() { "granted" } else { "denied" });
        lease.map(|lease| lease.port)
    }

    /// Found out on a thread that may block, while the client waits and so has
    /// its end of the connection open.
    async fn client(&self, near: SocketAddr, far: SocketAddr) -> Option<u32> {
        let edges = self.desk.edges.clone();
        let mut clients = std::mem::take(&mut *self.lock());
        let found = tokio::task::spawn_blocking(move || {
            let client = clients.find(&edges, near, far);
            (client, clients)
        });
        let (client, clients) = found.await.ok()?;
        *self.lock() = clients;
        client
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Known or not; of other leases it ends none.
    fn drop(&self, port: Port) -> Response<Full<Bytes>> {
        match self.desk.manager.release_labelled(port, (VIA, GRPC)) {
            Ok(_) => text(StatusCode::OK, String::new()),
            Err(error) => {
                tracing::warn!("gRPC's client has dropped port {port}, and it cannot be released: {error}");
                text(StatusCode::SERVICE_UNAVAILABLE, String::new())
            }
        }
    }

    /// YAML: the age in seconds of each port in use, and what is left.
    fn dump(&self) -> String {
        let in_use = self.desk.manager.labelled((VIA, GRPC));
        let mut in_use: Vec<String> =
            in_use.into_iter().map(|(port, age)| format!("  {port}: {:.3}\n", age.as_secs_f64())).collect();
        in_use.sort_unstable();
        let pool: Vec<String> =
            self.desk.manager.unleased().into_iter().map(|port| format!("- {port}\n")).collect();
        let block = |lines: Vec<String>, empty: &str| match lines.is_empty() {
            true => format!(" {empty}\n"),
            false => format!("\n{}", lines.concat()),
        };
        format!("in_use:{}pool:{}", block(in_use, "{}"), block(pool, "[]"))
    }
}

/// With its length, and the end of the connection.
fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, axum::http::HeaderValue::from_static("text/plain"));
    response
}

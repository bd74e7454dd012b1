//! One connection, from its first request to its end.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, Response, header},
    response::IntoResponse,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{Notify, watch},
};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

use super::{door::Door, entrance::Entrance, request_id};

/// How long a request's head may take to arrive.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);
/// How long a client may not read what it is sent.
const WRITE_PATIENCE: Duration = Duration::from_secs(5);
/// How long a client that has just connected may take to ask, when the daemon
/// ends. Whoever does that on purpose sends at once; on a busy machine "at once"
/// is a while.
const FIRST_PATIENCE: Duration = Duration::from_millis(500);
/// The most header lines.
const HEADERS: usize = 64;
/// The largest head, in bytes.
const HEAD: usize = 16 * 1024;

/// Serves until the client goes. Once `stop` is true, a request that is under way
/// or about to come is answered, and no more.
pub(super) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    router: Router,
    door: Door,
    mut stop: watch::Receiver<bool>,
) {
    // Keeps one notice, so that whoever waits later knows of a request before.
    let asked = Arc::new(Notify::new());
    let notice = asked.clone();
    let stopping = stop.clone();
    let service = service_fn(move |request| {
        notice.notify_one();
        let answering = answer(router.clone(), door.clone(), request);
        let stopping = stopping.clone();
        async move {
            let mut response = answering.await?;
            if *stopping.borrow() {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_PATIENCE));
    let connection = http1::Builder::new()
        // hyper's time-out for heads does nothing without a timer.
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_headers(HEADERS)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let mut connection = pin!(connection);
    tokio::select! {
        // What a client does wrong on its connection is its own affair.
        _ended = connection.as_mut() => return,
        () = async { let _stopped = stop.wait_for(|stopped| *stopped).await; } => {}
    }
    // hyper closes at once where nothing has come yet, and what was accepted just
    // now nobody else will answer: the next daemon never sees it.
    let first = async {
        tokio::select! {
            _ended = connection.as_mut() => true,
            () = asked.notified() => false,
        }
    };
    if tokio::time::timeout(FIRST_PATIENCE, first).await.unwrap_or(false) {
        return;
    }
    connection.as_mut().graceful_shutdown();
    let _ended = connection.await;
}

async fn answer(
    router: Router,
    door: Door,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let checked = door.check(&request);
    let entrance = Entrance::of(&door, request.headers());
    request.extensions_mut().insert(entrance);
    let id = request_id::of(request.headers());
    let line = tracing::enabled!(tracing::Level::DEBUG).then(|| request_id::Line::of(&request));
    let mut response = match checked {
        Ok(()) => request_id::within(id.clone(), router.oneshot(request.map(Body::new))).await?,
        Err(refused) => refused.into_response(),
    };
    if let Some(line) = line {
        line.log(&id, response.status().as_u16());
    }
    response.headers_mut().insert(request_id::NAME, id);
    Ok(response)
}

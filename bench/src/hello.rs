//! The ceiling: hyper alone, on the runtime that the daemon has, answering
//! every request with five bytes.

use std::{convert::Infallible, net::SocketAddr, path::Path};

use anyhow::Result;
use http_body_util::Full;
use hyper::{Request, Response, body::Bytes, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
};

use crate::output;

/// Serves until killed, and says where on TCP.
pub(crate) fn serve(unix: &Path) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let tcp = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let unix = UnixListener::bind(unix)?;
        output::value(&tcp.local_addr()?.to_string());
        tokio::spawn(async move {
            while let Ok((stream, _)) = tcp.accept().await {
                let _best_effort = stream.set_nodelay(true);
                answer(stream);
            }
        });
        loop {
            answer(unix.accept().await?.0);
        }
    })
}

fn answer(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    tokio::spawn(async move {
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(hello));
        // What the client does wrong is told by the client.
        let _ended = connection.await;
    });
}

async fn hello(_request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(b"hello"))))
}

//! Accepting connections, within limits, and draining them at the end.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::AbortHandle,
};

use super::{
    App, connection,
    door::{Door, TcpDoor},
    router,
};
use crate::{
    manager::Edges,
    peer::{self, FarEnd},
};

/// How long to wait when no file can be opened, before trying again.
const BACK_OFF: Duration = Duration::from_millis(50);

/// Serves one API on any number of listeners.
#[derive(Clone)]
pub struct Server {
    router: Router,
    edges: Edges,
    connections: Arc<Semaphore>,
    most: u32,
    stop: watch::Sender<bool>,
}

impl Server {
    /// A server without listeners, for `most` connections at once over all
    /// that it will get.
    #[must_use]
    pub fn new(app: App, most: u32) -> Self {
        let stop = watch::Sender::new(false);
        Self {
            edges: app.edges.clone(),
            router: router(app, stop.subscribe()),
            connections: Arc::new(Semaphore::new(most as usize)),
            most,
            stop,
        }
    }

    /// Serves a TCP listener until the handle is aborted. Connections that are
    /// open then go on.
    pub fn serve_tcp(&self, listener: TcpListener, door: TcpDoor) -> AbortHandle {
        let (server, door) = (self.clone(), Arc::new(door));
        tokio::spawn(async move {
            loop {
                let place = server.place().await;
                match listener.accept().await {
                    Ok((stream, far)) => {
                        let door = Door::Tcp(door.clone(), server.far_end(&stream, far));
                        // Without it a small answer waits for the client's acknowledgement.
                        let _best_effort = stream.set_nodelay(true);
                        server.spawn(stream, door, place);
                    }
                    Err(error) => back_off(&error).await,
                }
            }
        })
        .abort_handle()
    }

    /// Rule U, once per connection: a few microseconds.
    fn far_end(&self, stream: &TcpStream, far: SocketAddr) -> FarEnd {
        let Edges { sockets, processes, .. } = &self.edges;
        let (Ok(near), Ok(stat)) = (stream.local_addr(), rustix::fs::fstat(stream)) else {
            return FarEnd::NotOurs;
        };
        let ours = peer::is_ours(sockets.as_ref(), processes.our_uid(), near, far, stat.st_ino);
        if let Err(error) = &ours {
            tracing::debug!("whose a TCP connection is cannot be told, so it needs the token: {error}");
        }
        ours.into()
    }

    /// Serves a Unix listener until the handle is aborted.
    pub fn serve_unix(&self, listener: UnixListener) -> AbortHandle {
        let server = self.clone();
        let ours = rustix::process::geteuid().as_raw();
        tokio::spawn(async move {
            loop {
                let place = server.place().await;
                match listener.accept().await {
                    // The directory's mode keeps others out already.
                    Ok((stream, _)) if stream.peer_cred().is_ok_and(|peer| peer.uid() == ours) => {
                        server.spawn(stream, Door::Unix, place);
                    }
                    Ok(_) => {}
                    Err(error) => back_off(&error).await,
                }
            }
        })
        .abort_handle()
    }

    /// Lets requests under way finish, for at most `patience`. Listeners must
    /// be aborted before.
    pub async fn drain(&self, patience: Duration) {
        self.stop.send_replace(true);
        let all = self.connections.acquire_many(self.most);
        if tokio::time::timeout(patience, all).await.is_err() {
            tracing::warn!("some connections did not end within {} s and were cut", patience.as_secs());
        }
    }

    async fn place(&self) -> OwnedSemaphorePermit {
        #[expect(clippy::expect_used, reason = "the semaphore is never closed")]
        self.connections.clone().acquire_owned().await.expect("an open semaphore")
    }

    fn spawn(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        door: Door,
        place: OwnedSemaphorePermit,
    ) {
        let (router, stop) = (self.router.clone(), self.stop.subscribe());
        tokio::spawn(async move {
            connection::serve(stream, router, door, stop).await;
            drop(place);
        });
    }
}

/// Out of files: a pause lets connections end. Anything else concerns one
/// connection that is gone already.
pub(crate) async fn back_off(error: &io::Error) {
    tracing::warn!("a connection was not accepted: {error}");
    #[expect(clippy::disallowed_methods, reason = "there is nothing to wait for but time")]
    tokio::time::sleep(BACK_OFF).await;
}

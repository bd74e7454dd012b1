//! The protocol of google/python_portpicker: one request a connection, a port
//! and a line feed in one write, and the end. A refusal is the end alone.

use std::{io, num::NonZeroU32, sync::Arc, time::Duration};

use portlease_proto::{AnonymousRequest, Port};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    time::timeout,
};

use super::{
    Address, CompatError, Desk, client, label,
    listen::{self, Listeners},
    places::Places,
    request::{self, Asked},
};
use crate::http::back_off;

/// The label of its leases, and its name in the metrics.
const PORTPICKER: &str = "portpicker";
/// How long a client may be silent before it asks.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a request without a line feed is waited on for more: some clients
/// send none and wait for the answer.
const REST: Duration = Duration::from_millis(100);
/// As much as the original reads at most.
const READ: usize = 100;

/// Serves at one place.
pub(super) fn serve(desk: &Desk, address: &Address) -> Result<Listeners, CompatError> {
    let desk = Arc::new(desk.clone());
    let (listener, file) = match address {
        Address::Tcp(port) => {
            let listeners = listen::tcp(*port)?;
            let accept = |listener| tokio::spawn(accept_tcp(listener, desk.clone())).abort_handle();
            return Ok(Listeners::new(listeners.into_iter().map(accept).collect(), None));
        }
        Address::Abstract(name) => (listen::named(name)?, None),
        Address::Path(path) => {
            let (listener, file) = listen::at(path)?;
            (listener, Some(file))
        }
    };
    let accepting = tokio::spawn(accept_unix(listener, desk)).abort_handle();
    Ok(Listeners::new(vec![accepting], file))
}

async fn accept_unix(listener: UnixListener, desk: Arc<Desk>) {
    let mut places = Places::new(desk.connections);
    loop {
        match listener.accept().await {
            Ok((stream, _)) if is_for(&desk, &stream) => {
                places.take(tokio::spawn(answer(desk.clone(), stream)).abort_handle());
            }
            Ok(_) => desk.deny("another user, or a process that counts its ids otherwise"),
            Err(error) => back_off(&error).await,
        }
    }
}

async fn accept_tcp(listener: TcpListener, desk: Arc<Desk>) {
    let mut places = Places::new(desk.connections);
    loop {
        match listener.accept().await {
            Ok((stream, far)) if is_for_tcp(&desk, &stream, far) => {
                // Without it the last bytes may wait for an acknowledgement.
                let _best_effort = stream.set_nodelay(true);
                places.take(tokio::spawn(answer(desk.clone(), stream)).abort_handle());
            }
            Ok(_) => desk.deny("another user"),
            Err(error) => back_off(&error).await,
        }
    }
}

/// Ports are one user's. Whoever has process ids of its own (a container) would
/// name somebody else by the number that it sends.
fn is_for(desk: &Desk, stream: &UnixStream) -> bool {
    let ours = desk.edges.processes.our_uid();
    let Ok(peer) = stream.peer_cred() else { return false };
    peer.uid() == ours && peer.pid().is_none_or(client::counts_as_we_do)
}

fn is_for_tcp(desk: &Desk, stream: &TcpStream, far: std::net::SocketAddr) -> bool {
    client::is_ours(&desk.edges, stream, far)
}

async fn answer(desk: Arc<Desk>, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let Ok(request) = read(&mut stream).await else { return desk.misunderstood() };
    let pid = match request::parse(&request) {
        Asked::For(pid) => pid,
        Asked::ForNobody => return desk.deny("no process that may be given a port"),
        Asked::Garbage => return desk.misunderstood(),
    };
    let Some(port) = desk.port_for(pid) else { return desk.deny("no port") };
    desk.counts.allocated();
    desk.metrics.asked(PORTPICKER, "granted");
    // One write: Python's client reads once.
    let _gone = stream.write_all(format!("{port}\n").as_bytes()).await;
}

/// What the client sends, up to a line feed, or as far as it goes.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut request = Vec::with_capacity(READ);
    while !request::is_whole(&request) {
        let patience = if request.is_empty() { PATIENCE } else { REST };
        match timeout(patience, stream.read_buf(&mut request)).await {
            Ok(Ok(0)) | Err(_) => break,
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(error),
        }
    }
    Ok(request)
}

impl Desk {
    fn port_for(&self, pid: u32) -> Option<Port> {
        let processes = &self.edges.processes;
        // A lease that ends with somebody else's process may never end.
        if processes.our_uid() != 0 && !processes.is_ours(pid) {
            return None;
        }
        let request = AnonymousRequest {
            owner_pid: NonZeroU32::new(pid),
            labels: label(PORTPICKER),
            ..AnonymousRequest::default()
        };
        let granted = self.manager.try_get_anonymous(&request);
        self.given(PORTPICKER, granted).map(|lease| lease.port)
    }

    fn deny(&self, why: &str) {
        tracing::debug!("{PORTPICKER}: {why}");
        self.counts.denied();
        self.metrics.asked(PORTPICKER, "denied");
    }

    fn misunderstood(&self) {
        self.counts.error();
        self.metrics.asked(PORTPICKER, "malformed");
    }
}

#[cfg(test)]
mod tests;

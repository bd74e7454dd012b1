//! The typed client of the HTTP API, over the daemon's Unix socket.

use std::{os::unix::fs::MetadataExt, path::Path, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, StatusCode,
    client::conn::http1::{self, SendRequest},
    header,
};
use hyper_util::rt::TokioIo;
use portlease_proto::{
    AnonymousRequest, BatchRequest, GetRequest, Health, Lease, Leases, Paths, Problem, ProjectLeases,
    ProjectName, RenewRequest, ServiceName,
};
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use crate::Error;

/// How long an answer may take. The slowest look-ups take well under a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// One connection to the daemon.
#[derive(Debug)]
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    /// Connects to the daemon of this user. Before anything is sent it is made
    /// sure that the socket's directory and the process behind it are this
    /// user's. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`Error::NotRunning`] when nobody answers; [`Error::NotOurs`].
    pub async fn connect(paths: &Paths) -> Result<Self, Error> {
        let path = paths.socket();
        if !is_ours(paths.runtime()) {
            return Err(Error::NotOurs { path });
        }
        let stream = match UnixStream::connect(&path).await {
            Ok(stream) => stream,
            Err(source) => return Err(Error::NotRunning { path, source }),
        };
        let ours = rustix::process::geteuid().as_raw();
        if !stream.peer_cred().is_ok_and(|peer| peer.uid() == ours) {
            return Err(Error::NotOurs { path });
        }
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // How it ends is told to whoever waits for an answer.
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    /// Gets the lease of a service: the one that is there, or a new one.
    ///
    /// # Errors
    /// [`Error::Refused`] with the code of the reason, and what is in the way.
    pub async fn get(
        &mut self,
        project: &ProjectName,
        service: &ServiceName,
        request: &GetRequest,
    ) -> Result<Lease, Error> {
        self.ask(Method::PUT, &format!("/v1/leases/{project}/{service}"), json(request)?).await
    }

    /// Every lease, or those of one project.
    ///
    /// # Errors
    /// [`Error::Refused`], with `no_such_lease` when the project has none.
    pub async fn list(&mut self, project: Option<&ProjectName>) -> Result<Vec<Lease>, Error> {
        let path = match project {
            Some(project) => format!("/v1/leases/{project}"),
            None => "/v1/leases".to_owned(),
        };
        let leases: Leases = self.ask(Method::GET, &path, Vec::new()).await?;
        Ok(leases.leases)
    }

    /// One lease.
    ///
    /// # Errors
    /// [`Error::Refused`], with `no_such_lease` when there is none.
    pub async fn show(&mut self, project: &ProjectName, service: &ServiceName) -> Result<Lease, Error> {
        self.ask(Method::GET, &format!("/v1/leases/{project}/{service}"), Vec::new()).await
    }

    /// Releases one lease of a project, or all of them.
    ///
    /// # Errors
    /// [`Error::Refused`], with `no_such_lease` when there is none.
    pub async fn release(
        &mut self,
        project: &ProjectName,
        service: Option<&ServiceName>,
    ) -> Result<(), Error> {
        let path = match service {
            Some(service) => format!("/v1/leases/{project}/{service}"),
            None => format!("/v1/leases/{project}"),
        };
        self.send(Method::DELETE, &path, Vec::new()).await.map(|_empty| ())
    }

    /// Lets a lease live on for its TTL, or for a new one.
    ///
    /// # Errors
    /// [`Error::Refused`], with `no_such_lease` when there is none.
    pub async fn renew(
        &mut self,
        project: &ProjectName,
        service: &ServiceName,
        request: &RenewRequest,
    ) -> Result<Lease, Error> {
        self.ask(Method::POST, &format!("/v1/leases/{project}/{service}/renew"), json(request)?).await
    }

    /// Gets leases for several services of a project, all or none.
    ///
    /// # Errors
    /// [`Error::Refused`]; then nothing has changed.
    pub async fn get_all(
        &mut self,
        project: &ProjectName,
        request: &BatchRequest,
    ) -> Result<ProjectLeases, Error> {
        self.ask(Method::PUT, &format!("/v1/projects/{project}"), json(request)?).await
    }

    /// Gets anonymous leases: ports for tests, which end by themselves.
    ///
    /// # Errors
    /// [`Error::Refused`]; then nothing has changed.
    pub async fn get_anonymous(&mut self, request: &AnonymousRequest) -> Result<Vec<Lease>, Error> {
        let leases: Leases = self.ask(Method::POST, "/v1/leases", json(request)?).await?;
        Ok(leases.leases)
    }

    /// What the daemon says of itself.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn health(&mut self) -> Result<Health, Error> {
        self.ask(Method::GET, "/v1/health", Vec::new()).await
    }

    async fn ask<T: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<T, Error> {
        let bytes = self.send(method, path, body).await?;
        serde_json::from_slice(&bytes).map_err(|error| Error::Garbled(error.to_string()))
    }

    async fn send(&mut self, method: Method, path: &str, body: Vec<u8>) -> Result<Bytes, Error> {
        let exchange = tokio::time::timeout(PATIENCE, self.exchange(method, path, body));
        let (status, bytes) = exchange.await.map_err(|_| Error::Silent { seconds: PATIENCE.as_secs() })??;
        if status.is_success() {
            return Ok(bytes);
        }
        match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) => Err(Error::Refused(Box::new(problem))),
            Err(_) => Err(Error::Garbled(format!("status {status} without a reason"))),
        }
    }

    async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), Error> {
        self.sender.ready().await?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| Error::Garbled(error.to_string()))?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}

fn json(request: &impl serde::Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(request).map_err(|error| Error::Garbled(error.to_string()))
}

/// A directory that is not there is nobody's, and connecting will say so.
fn is_ours(directory: &Path) -> bool {
    let ours = rustix::process::geteuid().as_raw();
    std::fs::symlink_metadata(directory)
        .map_or(true, |metadata| metadata.uid() == ours && metadata.mode() & 0o077 == 0)
}

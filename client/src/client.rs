//! The typed client of the HTTP API.

mod ports;
mod projects;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, StatusCode,
    client::conn::http1::{self, SendRequest},
    header::{self, HeaderValue},
};
use hyper_util::rt::TokioIo;
use portlease_local::Token;
use portlease_proto::{
    AnonymousRequest, BatchRequest, GetRequest, Health, Lease, Leases, Paths, Problem, ProjectLeases,
    ProjectName, RenewRequest, ServiceName,
};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{Address, ClientBuilder, Error, Events};

/// How long an answer may take. The slowest look-ups take well under a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// One connection to the daemon. When it breaks, because the daemon ended or
/// was replaced, every request fails with [`Error::Connection`]: connect again.
#[derive(Debug)]
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    address: Address,
    host: HeaderValue,
    authorization: Option<HeaderValue>,
    started_daemon: bool,
}

impl Client {
    /// Says how to reach the daemon, then connects.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Connects to the daemon that has its files at `paths`, if it runs.
    ///
    /// # Errors
    /// As [`ClientBuilder::connect`].
    pub async fn connect(paths: &Paths) -> Result<Self, Error> {
        Self::builder().paths(paths.clone()).connect().await
    }

    /// Speaks over a stream whose other end is known to be this user's.
    pub(crate) async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        address: Address,
        token: Option<&Token>,
    ) -> Result<Self, Error> {
        let host = match &address {
            Address::Unix(_) => "localhost".to_owned(),
            Address::Tcp(address) => address.to_string(),
        };
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // How it ends is told to whoever waits for an answer.
        tokio::spawn(connection);
        Ok(Self {
            sender,
            address,
            host: value(&host)?,
            authorization: token.map(authorization).transpose()?,
            started_daemon: false,
        })
    }

    /// Notes that the daemon at the other end was started for this client.
    pub(crate) fn of_new_daemon(self) -> Self {
        Self { started_daemon: true, ..self }
    }

    /// Where it is connected to.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Whether the daemon was started for this client. What it has to say to a
    /// person then is in [`Health::notices`].
    pub fn started_daemon(&self) -> bool {
        self.started_daemon
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

    /// The daemon's settings, and where each of them comes from.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn config(&mut self) -> Result<portlease_proto::Configuration, Error> {
        self.ask(Method::GET, "/v1/config", Vec::new()).await
    }

    /// What happens to leases from now on, or from an earlier id on; of one
    /// project, or of all. The stream takes the connection.
    ///
    /// # Errors
    /// [`Error::Refused`], with `limit_reached` when too many streams are open.
    pub async fn events(
        mut self,
        last_id: Option<u64>,
        project: Option<&ProjectName>,
    ) -> Result<Events, Error> {
        let path = match project {
            // `@` may stand in a query as it is.
            Some(project) => format!("/v1/events?project={project}"),
            None => "/v1/events".to_owned(),
        };
        let mut request = self.request(Method::GET, &path, Vec::new())?;
        if let Some(id) = last_id {
            request.headers_mut().insert("last-event-id", value(&id.to_string())?);
        }
        let silent = |_| Error::Silent { seconds: PATIENCE.as_secs() };
        let sent = tokio::time::timeout(PATIENCE, self.sender.send_request(request));
        let response = sent.await.map_err(silent)??;
        if response.status().is_success() {
            return Ok(Events::of(response.into_body(), last_id));
        }
        let status = response.status();
        Err(refused(status, &response.into_body().collect().await?.to_bytes()))
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
        Err(refused(status, &bytes))
    }

    async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), Error> {
        self.sender.ready().await?;
        let response = self.sender.send_request(self.request(method, path, body)?).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }

    fn request(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Request<Full<Bytes>>, Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.host)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        request.body(Full::new(Bytes::from(body))).map_err(|error| Error::Garbled(error.to_string()))
    }
}

fn refused(status: StatusCode, body: &[u8]) -> Error {
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => Error::Refused(Box::new(problem)),
        Err(_) => Error::Garbled(format!("status {status} without a reason")),
    }
}

fn json(request: &impl serde::Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(request).map_err(|error| Error::Garbled(error.to_string()))
}

fn authorization(token: &Token) -> Result<HeaderValue, Error> {
    let mut value = value(&format!("Bearer {}", token.reveal()))?;
    // Whatever shows headers leaves this one out.
    value.set_sensitive(true);
    Ok(value)
}

fn value(text: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(text).map_err(|error| Error::Garbled(error.to_string()))
}

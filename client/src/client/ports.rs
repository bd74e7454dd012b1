//! What is on the machine's ports.

use hyper::Method;
use portlease_proto::{
    Diagnosis, Listener, Listeners, MachineDiagnosis, Port, PortReport, StopRequest, Stopped,
};

use super::{Client, json};
use crate::Error;

impl Client {
    /// Everything on one port.
    ///
    /// # Errors
    /// [`Error::Refused`] when the daemon cannot read the machine's sockets.
    pub async fn port(&mut self, port: Port) -> Result<PortReport, Error> {
        self.ask(Method::GET, &format!("/v1/ports/{port}?connections=true"), Vec::new()).await
    }

    /// The machine's listeners, sorted by port: all of them, or those that
    /// other machines reach.
    ///
    /// # Errors
    /// [`Error::Refused`] when the daemon cannot read the machine's sockets.
    pub async fn ports(&mut self, exposed_only: bool) -> Result<Vec<Listener>, Error> {
        let path = if exposed_only { "/v1/ports?exposed=true" } else { "/v1/ports" };
        let listeners: Listeners = self.ask(Method::GET, path, Vec::new()).await?;
        Ok(listeners.ports)
    }

    /// Stops the process that has a socket on the port, and waits for its end
    /// for some seconds.
    ///
    /// # Errors
    /// [`Error::Refused`]: `stale_request` when it does not have it any more,
    /// `process_…` when it is not one to be stopped, `token_required`.
    pub async fn stop(&mut self, port: Port, request: &StopRequest) -> Result<Stopped, Error> {
        self.ask(Method::POST, &format!("/v1/ports/{port}/stop"), json(request)?).await
    }

    /// Why a port cannot be reached by a client that names this machine `host`:
    /// `localhost`, or an IP address.
    ///
    /// # Errors
    /// [`Error::Refused`] with `invalid_request` for another host.
    pub async fn diagnosis(&mut self, port: Port, host: &str) -> Result<Diagnosis, Error> {
        let host: String = host.bytes().map(encoded).collect();
        self.ask(Method::GET, &format!("/v1/ports/{port}/diagnosis?host={host}"), Vec::new()).await
    }

    /// How the daemon is, and the machine under it, as far as the daemon sees
    /// it.
    ///
    /// # Errors
    /// [`Error::Refused`] with `not_found` by an older daemon.
    pub async fn machine_diagnosis(&mut self) -> Result<MachineDiagnosis, Error> {
        self.ask(Method::GET, "/v1/diagnosis", Vec::new()).await
    }
}

/// A byte as it may stand in a query.
fn encoded(byte: u8) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b':' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    }
}

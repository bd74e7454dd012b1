//! What is on the machine's ports.

use hyper::Method;
use portlease_proto::{Listener, Listeners, Port, PortReport, StopRequest, Stopped};

use super::{Client, json};
use crate::Error;

impl Client {
    /// Everything on one port.
    ///
    /// # Errors
    /// [`Error::Refused`] when the daemon cannot read the machine's sockets.
    pub async fn port(&mut self, port: Port) -> Result<PortReport, Error> {
        self.ask(Method::GET, &format!("/v1/ports/{port}"), Vec::new()).await
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
}

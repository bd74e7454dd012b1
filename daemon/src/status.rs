//! What the daemon says of itself.

use std::time::SystemTime;

use portlease_proto::{Auth, Configuration, Endpoint, Health, Holder, Port};
use tokio::sync::watch;

use crate::clock::rfc3339;

/// The facts behind `GET /v1/health`.
pub struct Status {
    started_at: SystemTime,
    changing: watch::Sender<Changing>,
}

struct Changing {
    endpoint: Endpoint,
    wanted_port: Port,
    configuration: Configuration,
    wanted_port_holder: Option<Holder>,
    notices: Vec<String>,
}

impl Status {
    /// A daemon that has no TCP address yet.
    #[must_use]
    pub fn new(started_at: SystemTime, wanted_port: Port, notices: Vec<String>) -> Self {
        let changing = Changing {
            endpoint: endpoint(Vec::new(), Auth::User),
            wanted_port,
            configuration: Configuration::default(),
            wanted_port_holder: None,
            notices,
        };
        Self { started_at, changing: watch::Sender::new(changing) }
    }

    /// The TCP address changed; returns the endpoint to publish. `auth` is what
    /// is asked there, `holder` who has the wanted port, when we have not.
    pub fn moved_to(
        &self,
        addresses: Vec<std::net::SocketAddr>,
        auth: Auth,
        holder: Option<Holder>,
    ) -> Endpoint {
        let endpoint = endpoint(addresses, auth);
        self.changing.send_modify(|changing| {
            changing.endpoint.clone_from(&endpoint);
            changing.wanted_port_holder = holder;
        });
        endpoint
    }

    /// Tells of each new address over TCP.
    pub fn moves(&self) -> watch::Receiver<impl Send + use<>> {
        self.changing.subscribe()
    }

    /// Where the API answers over TCP.
    pub fn endpoint(&self) -> Endpoint {
        self.changing.borrow().endpoint.clone()
    }

    /// The API is meant to have another port from now on.
    pub fn wants_port(&self, port: Port) {
        self.changing.send_modify(|changing| changing.wanted_port = port);
    }

    /// The settings in force.
    pub fn configuration(&self) -> Configuration {
        self.changing.borrow().configuration.clone()
    }

    /// Other settings are in force.
    pub fn configured(&self, configuration: Configuration) {
        self.changing.send_modify(|changing| changing.configuration = configuration);
    }

    /// The file was refused, and the settings are what they were.
    pub fn not_configured(&self, problem: String) {
        self.changing.send_modify(|changing| changing.configuration.problem = Some(problem));
    }

    /// The whole answer.
    pub fn health(&self, leases: usize) -> Health {
        let changing = self.changing.borrow();
        Health {
            status: "ok".to_owned(),
            endpoint: changing.endpoint.clone(),
            wanted_port: changing.wanted_port,
            wanted_port_holder: changing.wanted_port_holder.clone(),
            started_at: rfc3339(self.started_at),
            leases,
            notices: changing.notices.clone(),
        }
    }
}

fn endpoint(addresses: Vec<std::net::SocketAddr>, auth: Auth) -> Endpoint {
    let port = addresses.first().and_then(|address| Port::new(address.port()));
    Endpoint {
        url: addresses.first().map(|address| format!("http://{address}")),
        port,
        addresses: addresses.iter().map(ToString::to_string).collect(),
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        auth,
    }
}

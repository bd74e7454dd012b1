//! What the daemon says of itself.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use portlease_proto::{Endpoint, Health, Holder, Port};

use crate::clock::rfc3339;

/// The facts behind `GET /v1/health`.
pub struct Status {
    started_at: SystemTime,
    wanted_port: Port,
    changing: Mutex<Changing>,
}

struct Changing {
    endpoint: Endpoint,
    wanted_port_holder: Option<Holder>,
    notices: Vec<String>,
}

impl Status {
    /// A daemon that has no TCP address yet.
    #[must_use]
    pub fn new(started_at: SystemTime, wanted_port: Port, notices: Vec<String>) -> Self {
        let changing = Changing { endpoint: endpoint(Vec::new()), wanted_port_holder: None, notices };
        Self { started_at, wanted_port, changing: Mutex::new(changing) }
    }

    /// The TCP address changed; returns the endpoint to publish. `holder` is
    /// who has the wanted port, when we have not.
    pub fn moved_to(&self, addresses: Vec<std::net::SocketAddr>, holder: Option<Holder>) -> Endpoint {
        let mut changing = self.lock();
        changing.endpoint = endpoint(addresses);
        changing.wanted_port_holder = holder;
        changing.endpoint.clone()
    }

    /// Where the API answers over TCP.
    pub fn endpoint(&self) -> Endpoint {
        self.lock().endpoint.clone()
    }

    /// The whole answer.
    pub fn health(&self, leases: usize) -> Health {
        let changing = self.lock();
        Health {
            status: "ok".to_owned(),
            endpoint: changing.endpoint.clone(),
            wanted_port: self.wanted_port,
            wanted_port_holder: changing.wanted_port_holder.clone(),
            started_at: rfc3339(self.started_at),
            leases,
            notices: changing.notices.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Changing> {
        // Each field is replaced whole.
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn endpoint(addresses: Vec<std::net::SocketAddr>) -> Endpoint {
    let port = addresses.first().and_then(|address| Port::new(address.port()));
    Endpoint {
        url: addresses.first().map(|address| format!("http://{address}")),
        port,
        addresses: addresses.iter().map(ToString::to_string).collect(),
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

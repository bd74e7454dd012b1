//! Another port for the API, or another word asked at its door, while it serves.

use std::net::SocketAddr;

use portlease_proto::{Auth, Endpoint, Port, escape};

use super::Keeper;
use crate::{api_port, peer};

impl Keeper {
    /// The API is to be on `port` and to ask for `auth` there. While somebody
    /// else has that port it stays where it is, and tries again like one that
    /// did not get its port at the start.
    pub fn rewire(&mut self, port: Port, auth: Auth) {
        // The sockets of a service manager stay where its unit says.
        let port = match self.kept_port {
            Some(kept) if kept != port => {
                tracing::warn!("the service manager keeps port {kept}: run portlease service install");
                kept
            }
            _ => port,
        };
        let moves = port != self.way_in.port;
        if !moves && auth == self.way_in.auth {
            return;
        }
        (self.way_in.port, self.way_in.auth) = (port, auth);
        self.status.wants_port(port);
        let Endpoint { port: now, addresses, .. } = self.status.endpoint();
        let addresses: Vec<SocketAddr> = addresses.iter().filter_map(|text| text.parse().ok()).collect();
        if moves && now != Some(port) {
            self.move_from(addresses);
        } else {
            self.ask_for_auth(addresses, None);
        }
    }

    fn move_from(&mut self, addresses: Vec<SocketAddr>) {
        let port = self.way_in.port;
        match api_port::listen_on(port) {
            Ok(listening) => {
                self.serve_on(listening, None);
            }
            Err(_) if addresses.is_empty() => {
                self.serve_tcp(Vec::new());
            }
            Err(error) => {
                let holder = self.holder_of_wanted_port();
                let who =
                    holder.as_ref().map_or(error.to_string(), |holder| format!("it is held by {holder}"));
                tracing::warn!("the API cannot go to port {port} yet: {}", escape(&who));
                self.ask_for_auth(addresses, holder);
            }
        }
    }

    /// Connections that are open are asked for it, too.
    fn ask_for_auth(&mut self, addresses: Vec<SocketAddr>, holder: Option<portlease_proto::Holder>) {
        let auth = peer::auth_in_force(self.edges.sockets.as_ref(), self.way_in.auth, &addresses);
        if let Some(door) = &self.door {
            door.ask_for(auth);
        }
        self.publish(addresses, auth, holder);
    }
}

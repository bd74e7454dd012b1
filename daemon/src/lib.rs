//! The portlease daemon: a registry of project → port leases, checked against
//! the machine's live sockets, served over a local JSON HTTP API.

pub mod allocator;
pub mod clock;
#[cfg(test)]
mod doubles;
pub mod http;
pub mod manager;
pub mod ownership;
pub mod peer;
pub mod processes;
pub mod registry;
pub mod sockets;
pub mod status;
pub mod store;

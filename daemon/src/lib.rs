//! The portlease daemon: a registry of project → port leases, checked against
//! the machine's live sockets, served over a local JSON HTTP API.

pub mod activation;
pub mod allocator;
pub mod api_port;
pub mod clock;
pub mod compat;
pub mod config;
pub mod daemon;
pub mod diary;
pub mod doctor;
#[cfg(test)]
mod doubles;
pub mod events;
pub mod expiry;
pub mod frameworks;
#[cfg(all(fuzzing, target_os = "linux"))]
pub mod fuzzing;
pub mod http;
mod inherited;
pub mod instance;
pub mod keeper;
pub mod locks;
pub mod log;
pub mod manager;
pub mod memory;
pub mod metrics;
pub mod owners;
pub mod ownership;
pub mod peer;
pub mod predecessor;
#[cfg(target_os = "linux")]
mod proc_file;
pub mod processes;
pub mod readable;
pub mod registry;
pub mod reload;
pub mod roots;
pub mod signals;
pub mod sockets;
pub mod status;
pub mod stop;
pub mod store;
pub mod supervisor;
mod sync;
pub mod token;
pub mod unix_socket;
pub mod watch;
pub mod way;
pub mod well_known;

pub use portlease_local::{paths, private};

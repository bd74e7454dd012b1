//! Conflict-free, stable ports for every project on this machine.
//!
//! This is the client library: [`Client`] speaks to the portlease daemon of
//! this user. The daemon must be running; the `portlease` command starts it by
//! itself.

mod client;
mod error;

pub use client::Client;
pub use error::Error;
pub use portlease_proto as proto;

//! `portlease run`: the app gets its port, the terminal, the signals; its end
//! is passed on. With real shells, terminals and servers.
#![cfg(all(target_os = "linux", feature = "cli"))]
#![expect(clippy::unwrap_used, reason = "what does not work in a test fails it")]

#[path = "../support/apart.rs"]
mod apart;
mod jobs;
mod passing;
mod ports;
#[path = "../support/mod.rs"]
mod support;
mod terminal;

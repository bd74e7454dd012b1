//! The real daemon as a process of its own: how it starts, what it leaves on
//! the disk, what it survives and how it ends.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod daemon;
mod ends;
mod files;
mod full;
mod hostile;
mod lives;
mod log;
mod metrics;
mod port_servers;
mod registry;
mod reload;
mod replaced;
mod runs;
#[cfg(target_os = "linux")]
mod sandbox;
#[cfg(target_os = "linux")]
mod service;
mod starts;
mod token;

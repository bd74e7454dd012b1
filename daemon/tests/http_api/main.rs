//! The API as a client meets it: the real server in this process, spoken to
//! in raw HTTP.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod connections;
mod door;
mod leases;
mod paths;
mod refusals;
mod server;

//! The API as a client meets it: the real server in this process, spoken to
//! in raw HTTP.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod about;
mod anonymous;
mod batches;
mod connections;
mod doctor;
mod door;
mod events;
mod gc;
mod holds;
mod leases;
mod lives;
mod paths;
mod ports;
mod projects;
mod refusals;
mod runs;
mod server;
mod spec;
mod speech;
mod stop;
mod token;

//! The library client as another Rust program uses it, with the real daemon.
#![cfg(all(target_os = "linux", feature = "cli"))]
#![expect(clippy::unwrap_used, reason = "what does not work in a test fails it")]

#[path = "../support/apart.rs"]
mod apart;
mod foreign;
mod reach;
mod start;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/users.rs"]
mod users;

use std::{
    fs::{File, OpenOptions, read_to_string},
    io::Write,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
};

use portlease::{Client, ClientBuilder, proto::Paths};

use support::Home;

fn paths(home: &Home) -> Paths {
    Paths::under(&home.dir())
}

fn builder(home: &Home) -> ClientBuilder {
    Client::builder().paths(paths(home))
}

/// A client of a daemon that runs from now on.
async fn with_daemon(home: &Home) -> Client {
    builder(home).autostart(true).program(env!("CARGO_BIN_EXE_portlease")).connect().await.unwrap()
}

async fn tcp_address(client: &mut Client) -> SocketAddr {
    client.health().await.unwrap().endpoint.addresses[0].parse().unwrap()
}

fn ask_for_token(home: &Home) {
    let path = home.dir().join("config.toml");
    let config = read_to_string(&path).unwrap();
    File::create(path).unwrap().write_all(format!("auth = \"token\"\n{config}").as_bytes()).unwrap();
}

/// A file that is this user's alone.
fn private(home: &Home, name: &str, content: &str) {
    let path = home.dir().join(name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(content.as_bytes()).unwrap();
}

//! The token of the real daemon: its file, its door, its log.

use std::{
    fs::{self, Permissions},
    io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    process::Command,
};

use serde_json::Value;

use crate::{
    daemon::{Daemon, Home, overwrite, wait_for},
    support::http::{Answer, Connection, PATIENCE},
};

/// A request over TCP, with this token or none.
pub(crate) fn tcp(daemon: &mut Daemon<'_>, method: &str, target: &str, token: Option<&str>) -> Answer {
    let health = daemon.health();
    let address: SocketAddr = health["endpoint"]["addresses"][0].as_str().unwrap().parse().unwrap();
    let mut connection = Connection::tcp(address).unwrap();
    let line = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    connection.send(format!(
        "{method} {target} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n{line}\
         Content-Length: 2\r\n\r\n{{}}"
    ));
    connection.answer()
}

pub(crate) fn token(home: &Home) -> io::Result<String> {
    fs::read_to_string(home.path("run/token")).map(|text| text.trim_end().to_owned())
}

#[test]
fn the_configuration_makes_it_needed_over_tcp() {
    let home = Home::new();
    home.configure(home.api(), "auth = \"token\"");
    let mut daemon = home.start();
    let token = token(&home).unwrap();
    assert_eq!(daemon.health()["endpoint"]["auth"], "token");
    assert_eq!(tcp(&mut daemon, "PUT", "/v1/leases/myapp/web", None).status, 401);
    assert_eq!(daemon.list()["leases"].as_array().map(Vec::len), Some(0));
    tcp(&mut daemon, "PUT", "/v1/leases/myapp/web", Some(&token)).json(201);
}

#[test]
fn no_log_line_holds_it() {
    let home = Home::new();
    home.configure(home.api(), "auth = \"token\"");
    let mut command = Command::new("env");
    command.args(["PORTLEASE_LOG=trace", env!("CARGO_BIN_EXE_portleased")]);
    let mut daemon = home.spawn_as(command);
    daemon.health();
    let token = token(&home).unwrap();
    let other = "f".repeat(64);
    for sent in [None, Some(&*token), Some(&*other)] {
        tcp(&mut daemon, "GET", "/v1/leases", sent);
        // Nor where nobody should put it.
        tcp(&mut daemon, "GET", &format!("/v1/leases/{token}/x{token}?token={token}"), sent);
    }
    let mut connection = daemon.connect();
    connection.send(format!(
        "PUT /v1/leases/{token} HTTP/1.1\r\nHost: x\r\nX-Request-Id: {token}\r\nContent-Length: 66\r\n\r\n\"{token}\""
    ));
    connection.answer();
    // Put back, and made anew, are said in the log too.
    fs::remove_file(home.path("run/token")).unwrap();
    wait_for(PATIENCE, || self::token(&home).ok()).expect("it comes back");
    let said = wait_for(PATIENCE, || Some(daemon.said()).filter(|said| said.contains("they are back")));
    let said = said.expect("a line about the file");
    assert!(!said.contains(&token) && !said.contains(&other), "{said}");
}

#[test]
fn deleted_or_spoilt_it_comes_back_as_it_was() {
    let home = Home::new();
    let mut daemon = home.start();
    let (path, before) = (home.path("run/token"), token(&home).unwrap());
    let spoil: [&dyn Fn(); 3] =
        [&|| fs::remove_file(&path).unwrap(), &|| overwrite(&path, "0123\n"), &|| {
            fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap()
        }];
    for spoil in spoil {
        spoil();
        let back = || {
            let mode = fs::metadata(&path).ok()?.permissions().mode() & 0o7777;
            (mode == 0o600 && token(&home).ok()? == before).then_some(())
        };
        wait_for(PATIENCE, back).expect("it comes back");
    }
    daemon.health();
}

#[test]
fn it_outlives_the_daemon_unless_it_is_no_token() {
    let home = Home::new();
    home.start().kill();
    let first = token(&home).unwrap();
    assert!(first.len() == 64 && first.bytes().all(|byte| byte.is_ascii_hexdigit()), "{first}");
    home.start().kill();
    assert_eq!(token(&home).unwrap(), first);
    overwrite(&home.path("run/token"), "not a token\n");
    home.start().kill();
    let second = token(&home).unwrap();
    assert!(second.len() == 64 && second != first);
}

#[test]
fn without_being_asked_for_it_is_there_and_not_needed() {
    let home = Home::new();
    let mut daemon = home.start();
    assert_eq!(daemon.health()["endpoint"]["auth"], "user");
    assert!(token(&home).is_ok());
    assert_ne!(tcp(&mut daemon, "GET", "/v1/leases", None).json(200), Value::Null);
}

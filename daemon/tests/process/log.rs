//! What the log says, where it goes, and when it says nothing.

use std::{
    fs,
    net::TcpListener,
    os::{linux::fs::MetadataExt, unix::net::UnixDatagram},
    process::Command,
    time::Duration,
};

use crate::{
    daemon::{Daemon, Home},
    support::http::{PATIENCE, request},
};

fn start_with<'a>(home: &'a Home, variables: &[String]) -> Daemon<'a> {
    let mut command = Command::new("env");
    command.args(variables).arg(env!("CARGO_BIN_EXE_portleased"));
    let mut daemon = home.spawn_as(command);
    daemon.health();
    daemon
}

#[test]
fn a_filter_that_is_not_understood_is_told() {
    let home = Home::new();
    let daemon = start_with(&home, &["PORTLEASE_LOG=debgu".to_owned()]);
    let said = daemon.said();
    assert!(said.contains("`debgu` is neither a level") && said.contains("serving 0 leases"), "{said}");
}

#[test]
fn a_line_has_the_id_that_the_answer_has() {
    let home = Home::new();
    let mut daemon = start_with(&home, &["PORTLEASE_LOG=debug".to_owned()]);
    let id = daemon.put("myapp/web").header("x-request-id").unwrap().to_owned();
    daemon.wait_for_word(&format!("PUT /v1/leases/myapp/web 201 (request {id})"));
    daemon.wait_for_word("lease.granted: myapp/web ");
    let other = daemon.put("myapp/web").header("x-request-id").unwrap().to_owned();
    assert_ne!(id, other);
    let mut connection = daemon.connect();
    connection.send("GET /v1/nothing HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine-1\r\n\r\n");
    assert_eq!(connection.answer().header("x-request-id"), Some("mine-1"));
    daemon.wait_for_word("GET /v1/nothing 404 (request mine-1)");
}

/// Sixteen looks of the keeper and of the watch, and one attempt at the wanted
/// port, which somebody else has all the time.
#[test]
fn at_rest_it_says_nothing() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    home.configure(taken.local_addr().unwrap().port(), "");
    let mut daemon = home.start();
    daemon.put("myapp/web").json(201);
    let mut connection = daemon.connect();
    connection.send(request("GET", "/v1/health", ""));
    connection.answer();
    let mut stream = daemon.events("").started();
    let before = daemon.said();
    assert!(before.contains("cannot have port"), "{before}");
    // One comes every 15 s.
    stream.heartbeat(Duration::from_secs(30));
    assert_eq!(daemon.said(), before);
}

/// A journal of our own, in a mount namespace of its own.
#[test]
#[ignore = "needs root: .ci/run runs it"]
fn the_journal_gets_fields() {
    let home = Home::new();
    let dir = tempfile::tempdir().unwrap();
    let journal = UnixDatagram::bind(dir.path().join("socket")).unwrap();
    journal.set_read_timeout(Some(PATIENCE)).unwrap();
    let stream = fs::File::create(home.path("stderr")).unwrap();
    let at = stream.metadata().unwrap();
    let script = format!(
        "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && mount --bind {} /run/systemd/journal && \
         exec {} 2>>{}",
        dir.path().display(),
        env!("CARGO_BIN_EXE_portleased"),
        home.path("stderr").display(),
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "env", "PORTLEASE_LOG=debug"]);
    command.arg(format!("JOURNAL_STREAM={}:{}", at.st_dev(), at.st_ino())).args(["sh", "-c", &script]);
    let mut daemon = home.spawn_as(command);
    let id = daemon.put("myapp/web").header("x-request-id").unwrap().to_owned();
    let mut wanted = vec![
        vec![
            "MESSAGE=lease.granted: myapp/web".to_owned(),
            "PORTLEASE_PROJECT=myapp".to_owned(),
            "PORTLEASE_SERVICE=web".to_owned(),
            "PORTLEASE_PORT=".to_owned(),
            "PRIORITY=".to_owned(),
            "SYSLOG_IDENTIFIER=portlease".to_owned(),
        ],
        vec![
            "MESSAGE=PUT /v1/leases/myapp/web 201".to_owned(),
            format!("PORTLEASE_REQUEST_ID={id}"),
            "PORTLEASE_PROJECT=myapp".to_owned(),
        ],
    ];
    while !wanted.is_empty() {
        let mut buffer = [0; 4096];
        let length = journal.recv(&mut buffer).expect("an entry");
        let entry = fields(&buffer[..length]);
        wanted
            .retain(|all| !all.iter().all(|field| entry.iter().any(|line| line.starts_with(field.as_str()))));
    }
    assert_eq!(fs::read_to_string(home.path("stderr")).unwrap(), "");
}

/// The fields of an entry as `NAME=VALUE`: a line, or a name, the length in
/// eight bytes and so many bytes of value.
fn fields(mut entry: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(end) = entry.iter().position(|byte| *byte == b'\n') {
        let (line, rest) = entry.split_at(end);
        let line = String::from_utf8_lossy(line).into_owned();
        if line.contains('=') {
            found.push(line);
            entry = &rest[1..];
        } else {
            let length = u64::from_le_bytes(rest[1..9].try_into().unwrap());
            let (value, after) = rest[9..].split_at(usize::try_from(length).unwrap());
            found.push(format!("{line}={}", String::from_utf8_lossy(value)));
            entry = &after[1..];
        }
    }
    found
}

//! Clients that mean no good, or do not care: the daemon goes on serving
//! others, stays small, and is afterwards as it was before.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    process::Command,
    time::Duration,
};

use portleased::clock::{Clock, SystemClock};

use crate::{
    daemon::{Daemon, Home, wait_for},
    support::http::PATIENCE,
};

/// The most memory that the daemon may ever have used, in KiB.
const MEMORY: u64 = 64 * 1024;
/// Files that may be more than before: a lease granted meanwhile, and one that
/// SQLite keeps after the first checkpoint.
const SPARE: usize = 2;
/// How long a plain client may have to wait where a place is free.
const SOON: Duration = Duration::from_secs(1);

/// What a process uses at the moment.
#[derive(Debug)]
struct Usage {
    files: usize,
    /// At most so far, in KiB.
    memory: u64,
    /// Processor time so far, in clock ticks (100 a second).
    ticks: u64,
}

fn usage(daemon: &Daemon<'_>) -> Usage {
    let pid = daemon.pid();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let times = fields.split_ascii_whitespace().skip(11).take(2);
    Usage {
        files: fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count(),
        memory: peak.trim().trim_end_matches(" kB").parse().unwrap(),
        ticks: times.map(|ticks| ticks.parse::<u64>().unwrap()).sum(),
    }
}

/// What its files are, to be shown when there are too many.
fn files(daemon: &Daemon<'_>) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap();
    entries.filter_map(|entry| Some(fs::read_link(entry.ok()?.path()).ok()?.display().to_string())).collect()
}

fn address(daemon: &mut Daemon<'_>) -> SocketAddr {
    daemon.health()["endpoint"]["addresses"][0].as_str().unwrap().parse().unwrap()
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A grant on a connection of its own, over each door.
fn served_soon(daemon: &mut Daemon<'_>, address: SocketAddr) {
    let start = SystemClock.now().boot;
    daemon.put("plain/web");
    let mut stream = connect(address);
    write!(stream, "GET /v1/leases/plain/web HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let took = SystemClock.now().boot - start;
    assert!(took < SOON, "a plain client waited for {took:?}");
}

/// Afterwards everything is as it was, and it never was too much.
fn as_before(daemon: &Daemon<'_>, before: &Usage) {
    let back = wait_for(2 * PATIENCE, || (usage(daemon).files <= before.files + SPARE).then_some(()));
    let after = usage(daemon);
    assert!(back.is_some(), "files stay open: {before:?}, then {after:?}: {:?}", files(daemon));
    assert!(after.memory < MEMORY, "{after:?}");
    let _shown_with_nocapture = writeln!(std::io::stdout(), "{before:?}, then {after:?}");
}

#[test]
fn slow_and_idle_connections_are_in_nobodys_way() {
    let home = Home::new();
    let mut daemon = home.start();
    let address = address(&mut daemon);
    daemon.put("plain/web").json(201);
    let before = usage(&daemon);
    let slow: Vec<TcpStream> = (0..64)
        .map(|i| {
            let mut stream = connect(address);
            write!(stream, "GET /v1/health HTTP/1.1\r\nX-{i}: ").unwrap();
            stream
        })
        .collect();
    let idle: Vec<TcpStream> = (0..200).map(|_| connect(address)).collect();
    served_soon(&mut daemon, address);
    // Trickling does not help: the whole head has five seconds.
    let (mut trickler, start) = (connect(address), SystemClock.now().boot);
    let mut ends = [0; 1024];
    trickler.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    loop {
        if trickler.write_all(b"x").is_err() {
            break;
        }
        match trickler.read(&mut ends) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        assert!(SystemClock.now().boot - start < PATIENCE, "a trickle keeps a connection open");
    }
    served_soon(&mut daemon, address);
    let waited = usage(&daemon);
    assert!(waited.ticks - before.ticks < 100, "it spins: {before:?}, then {waited:?}");
    // All of them are still open on this side, and cut on the other.
    as_before(&daemon, &before);
    drop((slow, idle));
}

#[test]
fn more_connections_than_there_are_places() {
    let home = Home::new();
    let mut daemon = home.start();
    let address = address(&mut daemon);
    daemon.put("plain/web").json(201);
    let before = usage(&daemon);
    let all: Vec<TcpStream> = (0..600).map(|_| connect(address)).collect();
    // Places become free when the idle ones have had their five seconds.
    daemon.put("late/web").json(201);
    let waited = usage(&daemon);
    assert!(waited.ticks - before.ticks < 200, "it spins: {before:?}, then {waited:?}");
    drop(all);
    served_soon(&mut daemon, address);
    as_before(&daemon, &before);
}

#[test]
fn bodies_and_heads_without_end() {
    let home = Home::new();
    let mut daemon = home.start();
    let address = address(&mut daemon);
    daemon.put("plain/web").json(201);
    let before = usage(&daemon);
    let head =
        format!("PUT /v1/leases/big/web HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n");
    let announced = format!("{head}Content-Length: 1073741824\r\n\r\n");
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let bomb = format!("GET /v1/health HTTP/1.1\r\nHost: {address}\r\n");
    let line = format!("X: {}\r\n", "x".repeat(1000));
    for (begin, more, status) in
        [(&announced, &chunk, "413"), (&chunked, &chunk, "413"), (&bomb, &line, "431")]
    {
        let mut stream = connect(address);
        stream.write_all(begin.as_bytes()).unwrap();
        // A gigabyte, unless the daemon has had enough of it.
        let sent =
            (0..(1 << 30) / more.len()).take_while(|_| stream.write_all(more.as_bytes()).is_ok()).count();
        assert!(sent * more.len() < 64 << 20, "it took {sent} pieces");
        let mut answer = Vec::new();
        // What was sent and not read makes the end a reset, which may overtake the answer.
        let _cut = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        served_soon(&mut daemon, address);
    }
    assert_eq!(daemon.ask("GET", "/v1/leases/big/web", "").status, 404);
    as_before(&daemon, &before);
}

#[test]
fn a_daemon_with_few_files_serves_and_says_when_it_has_no_more() {
    let home = Home::new();
    let mut limited = Command::new("bash");
    limited.args(["-c", "ulimit -n 80; exec \"$0\"", env!("CARGO_BIN_EXE_portleased")]);
    let mut daemon = home.spawn_as(limited);
    let address = address(&mut daemon);
    daemon.put("plain/web").json(201);
    let before = usage(&daemon);
    let all: Vec<TcpStream> = (0..100).map(|_| connect(address)).collect();
    served_later(&mut daemon);
    drop(all);
    served_soon(&mut daemon, address);
    as_before(&daemon, &before);
    let waited = usage(&daemon);
    assert!(waited.ticks - before.ticks < 200, "it spins: {before:?}, then {waited:?}");

    // Each lease takes a file; the last ones are kept for answering.
    let body = r#"{"count": 60, "ttl_s": 600, "range": "20000-29999"}"#;
    assert_eq!(daemon.ask("POST", "/v1/leases", body).status, 429);
    let mut granted = 1;
    let mut grant = |name: u32| {
        let path = format!("/v1/leases/few-{name}/web");
        daemon.ask("PUT", &path, r#"{"range": "20000-29999"}"#).status
    };
    while grant(granted) == 201 {
        granted += 1;
        assert!(granted < 80, "it grants more than it has files for");
    }
    assert!(granted > 20, "{granted} leases in all");
    served_soon(&mut daemon, address);
    let streams: Vec<_> = (0..4).map(|_| daemon.events("").started()).collect();
    served_soon(&mut daemon, address);
    drop(streams);
    assert!(usage(&daemon).files <= 80);
}

/// All places are taken, so a client is served when one becomes free.
fn served_later(daemon: &mut Daemon<'_>) {
    daemon.put("plain/web").json(200);
}

#[test]
fn readers_of_events_that_do_not_read() {
    let home = Home::new();
    let mut daemon = home.start();
    let address = address(&mut daemon);
    daemon.put("plain/web").json(201);
    let before = usage(&daemon);
    let mut deaf: Vec<_> = (0..10).map(|_| daemon.connect()).collect();
    deaf.iter_mut().for_each(|deaf| deaf.send("GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n"));
    let mut connection = daemon.connect();
    // More than the kernel's buffers for a Unix socket take, and more than the
    // history keeps.
    for round in 0..5000_u32 {
        let body = format!("{{\"labels\": {{\"round\": \"{}\"}}}}", round % 2);
        connection.send(crate::support::http::request("PUT", "/v1/leases/plain/web", &body));
        connection.answer().json(200);
    }
    served_soon(&mut daemon, address);
    // Their connections are cut, although they are still open on this side.
    drop(connection);
    as_before(&daemon, &before);
    drop(deaf);
}

//! Who may crowd out whom: nobody.

use std::{
    io::Write,
    net::{SocketAddr, TcpStream},
};

use portleased::clock::Stopwatch;

use super::*;

/// More than there are places for connections.
const MANY: usize = 400;

/// A daemon that has few files, and so few places.
fn start_with_few_files(home: &Home) -> crate::daemon::Daemon<'_> {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 512 && exec \"$0\"", env!("CARGO_BIN_EXE_portleased")]);
    let mut daemon = home.spawn_as(command);
    daemon.health();
    daemon
}

#[test]
fn idle_and_half_sent_requests_are_in_nobodys_way() {
    let home =
        home(|home| format!("portpicker = [\"@{}\"]\ngrpc_port_server = {}", name(home), grpc_port(home)));
    let mut daemon = start_with_few_files(&home);
    let us = std::process::id();
    let idle: Vec<UnixStream> = (0..MANY)
        .map(|number| {
            let mut stream = connect(&home);
            if number % 2 == 0 {
                stream.write_all(b"12").unwrap();
            }
            stream
        })
        .collect();
    let address = SocketAddr::from(([127, 0, 0, 1], grpc_port(&home)));
    let slow: Vec<TcpStream> = (0..MANY)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            // One that makes way for others may be closed already.
            let _closed = stream.write_all(b"GET /get HTTP/1.1\r\nHost: ");
            stream
        })
        .collect();
    let watch = Stopwatch::start();
    assert!(port_for(&home, us).is_some());
    assert!(body(&get(&home, "/get")).parse::<u16>().is_ok());
    daemon.put("myapp/web").json(201);
    // They have 5 s; nobody waits for that.
    assert!(watch.elapsed().as_secs() < 4, "{:?}", watch.elapsed());
    drop((idle, slow));
}

#[test]
fn a_suite_that_takes_all_it_gets_leaves_a_part_to_projects() {
    let home = home_of_picker();
    let mut daemon = home.start();
    let us = std::process::id();
    let mut given = 0;
    while port_for(&home, us).is_some() {
        given += 1;
    }
    // A tenth of the pool is kept.
    assert_eq!(given, POOL * 9 / 10);
    let watch = Stopwatch::start();
    assert_eq!(port_for(&home, us), None);
    let took = watch.elapsed();
    assert!(took.as_millis() < 50, "{took:?}");
    daemon.put("myapp/web").json(201);
    let metrics = String::from_utf8(daemon.ask("GET", "/metrics", "").body).unwrap();
    let denied = "portlease_port_server_requests_total{outcome=\"denied\",protocol=\"portpicker\"} 2";
    assert!(metrics.contains(denied), "{metrics}");
}

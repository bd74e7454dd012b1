//! Starting: a second daemon, a bad configuration, a port that is taken.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    os::unix::fs::MetadataExt,
    path::PathBuf,
};

use serde_json::Value;

use crate::{
    daemon::{Home, wait_for},
    support::http::{Connection, PATIENCE},
};

fn endpoint(home: &Home) -> Value {
    serde_json::from_slice(&fs::read(home.path("run/endpoint.json")).unwrap()).unwrap()
}

#[test]
fn the_endpoint_is_published_and_answers() {
    let home = Home::new();
    let mut daemon = home.start();
    let health = daemon.health();
    assert_eq!(health["status"], "ok");
    assert_eq!(health["endpoint"], endpoint(&home));
    assert_eq!(health["endpoint"]["pid"], daemon.pid());
    assert_eq!(health["endpoint"]["port"], health["wanted_port"]);
    assert_eq!(health["wanted_port_holder"], Value::Null);

    let addresses = health["endpoint"]["addresses"].as_array().unwrap();
    for address in addresses {
        let address: SocketAddr = address.as_str().unwrap().parse().unwrap();
        assert!(address.ip().is_loopback());
        for host in [address.to_string(), format!("localhost:{}", address.port())] {
            let mut connection = Connection::tcp(address).unwrap();
            connection.send(format!("GET /v1/health HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            assert_eq!(connection.answer().json(200), health);
        }
    }
}

#[test]
fn the_second_daemon_goes_and_the_first_stays() {
    let home = Home::new();
    let mut first = home.start();
    first.put("myapp/web").json(201);
    let before = (first.health(), endpoint(&home));
    assert!(home.fails().contains("running already"));

    assert_eq!((first.health(), endpoint(&home)), before);
    first.put("myapp/web").json(200);
}

#[test]
fn without_its_lock_files_there_is_still_one_daemon() {
    let home = Home::new();
    let mut first = home.start();
    let socket = fs::metadata(home.socket()).unwrap().ino();
    let locks = ["registry.lock", "run/lock"].map(|name| home.path(name));
    locks.iter().for_each(|lock| fs::remove_file(lock).unwrap());
    assert!(home.fails().contains("running already"));

    // The second one's knock made the first one take its locks again. To try a
    // lock would be to have it for a moment, and to drive the daemon out.
    let is_locked = |path: &PathBuf| {
        let inode = format!(":{} ", fs::metadata(path).ok()?.ino());
        fs::read_to_string("/proc/locks").unwrap().contains(&inode).then_some(())
    };
    for lock in &locks {
        wait_for(PATIENCE, || is_locked(lock)).unwrap_or_else(|| panic!("{} is free", lock.display()));
    }
    // Nobody who was about to be accepted has been cut off.
    first.health();
    assert_eq!(fs::metadata(home.socket()).unwrap().ino(), socket);
}

#[test]
fn a_bad_configuration_is_told_with_the_nearest_key() {
    let home = Home::new();
    home.configure(home.api(), "pol = \"20000-29999\"");
    let said = home.fails();
    for part in ["config.toml", "unknown field `pol`", "did you mean `pool`?", "line 1"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!home.path("registry.db").exists() && !home.socket().exists());
}

#[test]
fn with_its_tcp_port_taken_it_serves_on_another_and_says_who_has_it() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let wanted = taken.local_addr().unwrap().port();
    home.configure(wanted, "");
    let mut daemon = home.start();
    let health = daemon.health();
    assert_eq!(health["wanted_port"], wanted);
    assert_eq!(health["wanted_port_holder"]["pid"], std::process::id(), "{health}");

    let endpoint = endpoint(&home);
    assert_eq!(health["endpoint"], endpoint);
    assert_ne!(endpoint["port"], wanted);
    let address: SocketAddr = endpoint["addresses"][0].as_str().unwrap().parse().unwrap();
    let mut connection = Connection::tcp(address).unwrap();
    connection.send(format!("GET /v1/health HTTP/1.1\r\nHost: {address}\r\n\r\n"));
    assert_eq!(connection.answer().json(200), health);
}

#[test]
fn a_socket_that_a_killed_daemon_left_is_no_obstacle() {
    let home = Home::new();
    home.start().kill();
    assert!(home.socket().exists());
    home.start().health();
}

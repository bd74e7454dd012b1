//! SIGHUP: the configuration is read again.

use std::{
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixDatagram,
    process::Command,
};

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    daemon::{Daemon, Home, overwrite, wait_for},
    support::{
        http::{Connection, PATIENCE},
        ports::POOL,
    },
    token::{tcp, token},
};

/// Reads the file again, and waits until the log has a line that says so.
fn reload(daemon: &Daemon<'_>, word: &str) {
    daemon.signal(Signal::HUP);
    daemon.wait_for_word(word);
}

fn setting(daemon: &mut Daemon<'_>, key: &str) -> Value {
    let told = daemon.ask("GET", "/v1/config", "").json(200);
    told["settings"].as_array().unwrap().iter().find(|setting| setting["key"] == key).unwrap().clone()
}

#[test]
fn what_changed_is_said_and_counts_at_once() {
    let home = Home::new();
    let mut daemon = home.start();
    let kept = daemon.put("myapp/web").json(201);
    let port = home.ports.at(3);
    let text = format!(
        "pool = \"{port}-{}\"\nexclude = [{port}]\nsynchronous = \"full\"\n[limits]\nleases_per_project = 2\n\
         connections = 64\n[api]\nport = {}",
        port + 1,
        home.api()
    );
    overwrite(&home.path("config.toml"), &text);
    reload(&daemon, "limits.connections: 512 → 64 needs a restart");
    for line in [
        format!("pool: \"{}\" → \"{port}-{}\"", home.ports.pool(), port + 1),
        format!("exclude: [] → [\"{port}\"]"),
        "synchronous: \"normal\" → \"full\"".to_owned(),
        "limits.leases_per_project: 1024 → 2".to_owned(),
    ] {
        assert!(daemon.said().contains(&line), "{line}: {}", daemon.said());
    }
    assert!(!daemon.said().contains("api.port:"), "{}", daemon.said());

    // The pool, without what is excluded; the leases that there are stay.
    assert_eq!(daemon.put("other/web").json(201)["port"], port + 1);
    assert_eq!(daemon.put("myapp/web").json(200)["port"], kept["port"]);
    let refused = daemon.ask("PUT", "/v1/leases/other/it", &format!("{{\"port\": {port}}}"));
    assert_eq!(refused.status, 422, "{}", String::from_utf8_lossy(&refused.body));
    daemon.ask("PUT", "/v1/leases/myapp/b", &format!("{{\"port\": {}}}", home.ports.at(6))).json(201);
    let third = daemon.ask("PUT", "/v1/leases/myapp/c", &format!("{{\"port\": {}}}", home.ports.at(7)));
    assert_eq!(third.status, 429);

    let connections = setting(&mut daemon, "limits.connections");
    assert_eq!((&connections["value"], &connections["pending"]), (&512.into(), &64.into()));
    assert_eq!(setting(&mut daemon, "exclude")["origin"], "file");
}

#[test]
fn a_bad_file_is_refused_with_its_place_and_all_stays() {
    let home = Home::new();
    let mut daemon = home.start();
    let before = daemon.ask("GET", "/v1/config", "").json(200);
    home.configure(home.api(), "synchronous = \"full\"\npol = \"1-2\"");
    reload(&daemon, "the settings stay as they are");
    let said = daemon.said();
    for part in ["did you mean `pool`?", "line 2, column 1"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("→"), "{said}");
    let after = daemon.ask("GET", "/v1/config", "").json(200);
    assert_eq!(after["settings"], before["settings"]);
    assert!(after["problem"].as_str().unwrap().contains("line 2, column 1"), "{after}");

    home.configure(home.api(), "");
    reload(&daemon, "nothing changed");
    assert_eq!(daemon.ask("GET", "/v1/config", "").json(200), before);
}

#[test]
fn the_token_is_asked_for_on_connections_that_are_open() {
    let home = Home::new();
    let mut daemon = home.start();
    let address: SocketAddr = daemon.health()["endpoint"]["addresses"][0].as_str().unwrap().parse().unwrap();
    let mut open = Connection::tcp(address).unwrap();
    let request = format!("GET /v1/leases HTTP/1.1\r\nHost: {address}\r\n\r\n");
    open.send(&request);
    open.answer().json(200);
    home.configure(home.api(), "auth = \"token\"");
    reload(&daemon, "auth: \"user\" → \"token\"");
    open.send(&request);
    assert_eq!(open.answer().status, 401);
    let token = token(&home).unwrap();
    tcp(&mut daemon, "GET", "/v1/leases", Some(&token)).json(200);
    let endpoint = daemon.health()["endpoint"].clone();
    assert_eq!(endpoint["auth"], "token");
    let published: Value =
        serde_json::from_slice(&std::fs::read(home.path("run/endpoint.json")).unwrap()).unwrap();
    assert_eq!(published, endpoint);
}

#[test]
fn the_api_goes_to_another_port_when_it_can_be_had() {
    let home = Home::new();
    let mut daemon = home.start();
    let (first, second, taken) = (home.api(), home.ports.at(POOL - 2), home.ports.at(POOL - 3));
    home.configure(second, "");
    reload(&daemon, &format!("api.port: {first} → {second}"));
    let health = daemon.health();
    assert_eq!((&health["endpoint"]["port"], &health["wanted_port"]), (&second.into(), &second.into()));
    assert!(Connection::tcp(SocketAddr::from(([127, 0, 0, 1], first))).is_err(), "the first is served");
    tcp(&mut daemon, "GET", "/v1/health", None).json(200);

    // While somebody else has it, it stays; and goes when that one has gone.
    let other = TcpListener::bind(("127.0.0.1", taken)).unwrap();
    home.configure(taken, "");
    reload(&daemon, &format!("api.port: {second} → {taken}"));
    let health = daemon.health();
    assert_eq!((&health["endpoint"]["port"], &health["wanted_port"]), (&second.into(), &taken.into()));
    assert_eq!(health["wanted_port_holder"]["pid"], std::process::id());
    tcp(&mut daemon, "GET", "/v1/health", None).json(200);
    drop(other);
    let there = || (daemon.health()["endpoint"]["port"] == taken).then_some(());
    wait_for(2 * PATIENCE, there).expect("it goes there");
}

#[test]
fn the_service_manager_is_told_before_and_after() {
    let home = Home::new();
    let path = home.path("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    // How it is, it says beside that, whenever it changes.
    let next = || loop {
        let mut buffer = [0; 512];
        let length = manager.recv(&mut buffer).expect("a word");
        let word = String::from_utf8(buffer[..length].to_vec()).unwrap();
        if !word.starts_with("STATUS=") {
            return word;
        }
    };
    let mut command = Command::new("env");
    command.arg(format!("NOTIFY_SOCKET={}", path.display())).arg(env!("CARGO_BIN_EXE_portleased"));
    let mut daemon = home.spawn_as(command);
    daemon.health();
    assert_eq!(next().trim(), "READY=1");
    // A file that is refused is no less read.
    for more in ["auth = \"token\"", "nonsense"] {
        home.configure(home.api(), more);
        daemon.signal(Signal::HUP);
        let reloading = next();
        let usec = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("a time").trim();
        assert!(usec.parse::<u64>().is_ok_and(|usec| usec > 0), "{reloading:?}");
        assert_eq!(next().trim(), "READY=1");
    }
    daemon.signal(Signal::TERM);
    assert_eq!(next().lines().next(), Some("STOPPING=1"));
}

#[test]
fn variables_come_before_the_file_and_survive_a_reload() {
    let home = Home::new();
    let pool = format!("{}-{}", home.ports.at(1), home.ports.at(2));
    let mut command = Command::new("env");
    command.arg(format!("PORTLEASE_POOL={pool}")).arg(env!("CARGO_BIN_EXE_portleased"));
    let mut daemon = home.spawn_as(command);
    for told in [setting(&mut daemon, "pool"), {
        reload(&daemon, "nothing changed");
        setting(&mut daemon, "pool")
    }] {
        assert_eq!((&told["value"], &told["origin"]), (&pool.clone().into(), &"environment".into()));
        assert_eq!(told["source"], "PORTLEASE_POOL");
    }
}

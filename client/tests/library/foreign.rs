//! What another user put in the daemon's place hears nothing from us.

use std::{
    io::Read,
    net::TcpListener,
    os::unix::{
        fs::{DirBuilderExt, PermissionsExt, chown},
        net::UnixListener,
    },
};

use portlease::{Client, Error};

use crate::{
    apart::{Block, home_apart},
    paths,
    reach::{assert_heard_nothing, publish},
    support::Home,
    users::{Programs, say, told},
    with_daemon,
};

const EVE: u32 = 65_534;

/// Run as another user: listens where it is told, and says how much it heard.
#[test]
#[ignore = "not a test: the others start it"]
fn eavesdropper() {
    let Some(place) = told() else { return };
    let mut heard = Vec::new();
    if place.starts_with('/') {
        let listener = UnixListener::bind(place).unwrap();
        say("ready");
        let _reset = listener.accept().unwrap().0.read_to_end(&mut heard);
    } else {
        let listener = TcpListener::bind(&place).unwrap();
        say(&std::process::id().to_string());
        say(&listener.local_addr().unwrap().to_string());
        say("ready");
        // Killed before she is asked, in a test that knows already.
        let times: Option<usize> = std::io::stdin().lines().next().map(|line| line.unwrap().parse().unwrap());
        for _ in 0..times.unwrap_or_default() {
            let _reset = listener.accept().unwrap().0.read_to_end(&mut heard);
        }
    }
    say(&heard.len().to_string());
    say("done");
}

fn heard(lines: &[String]) -> &str {
    lines.iter().map(String::as_str).rfind(|line| !line.is_empty()).unwrap()
}

fn run_directory(home: &Home) {
    std::fs::DirBuilder::new().mode(0o700).create(home.dir().join("run")).unwrap();
}

#[tokio::test]
#[ignore = "needs root: .ci/run runs it"]
async fn a_directory_of_another_user() {
    let home = home_apart();
    with_daemon(&home).await;
    let health = home.run(&["status", "--json"]).json();
    assert_eq!(health["status"], "ok");
    let run = home.dir().join("run");
    chown(&run, Some(EVE), None).unwrap();
    let refused = Client::connect(&paths(&home)).await;
    assert!(matches!(&refused, Err(Error::NotOurs { path }) if *path == run), "{refused:?}");
    assert_eq!(home.run(&["status"]).code, 69);
}

#[tokio::test]
#[ignore = "needs root: .ci/run runs it"]
async fn a_socket_that_another_user_serves() {
    let home = home_apart();
    run_directory(&home);
    let hers = tempfile::tempdir().unwrap();
    std::fs::set_permissions(hers.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let (made, socket) = (hers.path().join("socket"), paths(&home).socket());

    let programs = Programs::new();
    let mut eve = programs.helper(EVE, "foreign::eavesdropper");
    eve.tell(made.to_str().unwrap());
    eve.wait_for("ready");
    std::fs::rename(made, &socket).unwrap();

    let refused = Client::connect(&paths(&home)).await;
    assert!(matches!(&refused, Err(Error::NotOurs { path }) if *path == socket), "{refused:?}");
    assert_eq!(heard(&eve.wait_for("done")), "0");
}

#[tokio::test]
#[ignore = "needs root: .ci/run runs it"]
async fn a_port_that_another_user_has() {
    let home = home_apart();
    run_directory(&home);
    let programs = Programs::new();
    let mut eve = programs.helper(EVE, "foreign::eavesdropper");
    eve.tell("127.0.0.1:0");
    let said = eve.wait_for("ready");
    let said: Vec<&str> = said.iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
    let [.., pid, address] = said[..] else { panic!("{said:?}") };
    publish(&home, &[address], pid.parse().unwrap());

    let refused = Client::connect(&paths(&home)).await;
    assert!(matches!(refused, Err(Error::ForeignListener { uid: EVE, .. })), "{refused:?}");
    let explicit = crate::builder(&home).tcp(address.parse().unwrap()).autostart(true).connect().await;
    assert!(matches!(explicit, Err(Error::ForeignListener { uid: EVE, .. })), "{explicit:?}");

    // The command names her, and starts a daemon elsewhere if it may.
    let ran = home.run(&["status"]);
    let port = address.rsplit(':').next().unwrap();
    assert_eq!(ran.code, 69, "{ran:?}");
    for said in [format!("port {port} is held by"), format!("(pid {pid}, user ")] {
        assert!(ran.stderr.contains(&said), "{ran:?}");
    }
    // For each of these four she took a connection.
    home.run(&["get", "app"]).port().unwrap();
    eve.tell("4");
    assert_eq!(heard(&eve.wait_for("done")), "0");
}

/// Another user's daemon, whole and well, is none of ours.
#[tokio::test]
#[ignore = "needs root: .ci/run runs it"]
async fn another_users_daemon() {
    let programs = Programs::new();
    let block = Block::take();
    let (hers, home) = (programs.home_of(EVE, &block.config()), home_apart());
    hers.run(&["get", "app"]).port().unwrap();
    let address = hers.run(&["status", "--json"]).json()["endpoint"]["addresses"][0].clone();
    run_directory(&home);
    publish(&home, &[address.as_str().unwrap()], std::process::id());
    let refused = Client::connect(&paths(&home)).await;
    assert!(matches!(refused, Err(Error::ForeignListener { uid: EVE, .. })), "{refused:?}");
    let refused = Client::connect(&paths(&hers)).await;
    assert!(matches!(refused, Err(Error::NotOurs { .. })), "{refused:?}");
}

/// Who has the port on the other loopback address gets what is meant for
/// `localhost`: that is no place for a token.
#[tokio::test]
#[ignore = "needs root: .ci/run runs it"]
async fn a_port_that_another_user_has_half_of() {
    let home = home_apart();
    run_directory(&home);
    let ours = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = ours.local_addr().unwrap();
    publish(&home, &[&address.to_string()], std::process::id());
    Client::connect(&paths(&home)).await.unwrap();
    assert_heard_nothing(&ours).await;

    let programs = Programs::new();
    let mut eve = programs.helper(EVE, "foreign::eavesdropper");
    eve.tell(&format!("[::1]:{}", address.port()));
    eve.wait_for("ready");
    let refused = Client::connect(&paths(&home)).await;
    assert!(matches!(refused, Err(Error::ForeignListener { uid: EVE, .. })), "{refused:?}");
    assert_heard_nothing(&ours).await;
}

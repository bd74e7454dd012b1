//! Over the Unix socket and over TCP, with the token and without.

use std::{
    fs::{self, Permissions},
    io::{ErrorKind, Read},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    time::Duration,
};

use portlease::{
    Address, Client, Error,
    proto::{Auth, ErrorCode, GetRequest, RenewRequest},
};
use rustix::process::{Signal, kill_process};

use crate::{
    apart::home_apart, ask_for_token, builder, paths, private, support::Home, tcp_address, with_daemon,
};

/// Every method there is, as a program would use them.
async fn use_it(client: &mut Client) {
    let (project, service) = ("myapp".parse().unwrap(), "web".parse().unwrap());
    let lease = client.get(&project, &service, &GetRequest::default()).await.unwrap();
    assert_eq!(client.show(&project, &service).await.unwrap().id, lease.id);
    assert_eq!(client.list(Some(&project)).await.unwrap()[0].port, lease.port);
    assert_eq!(client.list(None).await.unwrap().len(), 1);
    assert_eq!(client.health().await.unwrap().leases, 1);
    let renewed = client.renew(&project, &service, &RenewRequest::default()).await.unwrap();
    assert_eq!(renewed.id, lease.id);
    client.release(&project, Some(&service)).await.unwrap();
    match client.show(&project, &service).await {
        Err(Error::Refused(problem)) => assert_eq!(problem.code, ErrorCode::NoSuchLease),
        other => panic!("{other:?}"),
    }
}

fn code(refused: Result<impl std::fmt::Debug, Error>) -> ErrorCode {
    match refused {
        Err(Error::Refused(problem)) => problem.code,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn the_same_over_both() {
    let home = home_apart();
    let mut unix = with_daemon(&home).await;
    assert_eq!(*unix.address(), Address::Unix(paths(&home).socket()));
    use_it(&mut unix).await;

    for address in unix.health().await.unwrap().endpoint.addresses {
        let address = address.parse().unwrap();
        let mut tcp = builder(&home).tcp(address).connect().await.unwrap();
        assert_eq!(*tcp.address(), Address::Tcp(address));
        use_it(&mut tcp).await;
    }
}

#[tokio::test]
async fn it_sends_the_token_where_it_is_asked_for() {
    let home = home_apart();
    ask_for_token(&home);
    let mut unix = with_daemon(&home).await;
    assert_eq!(unix.health().await.unwrap().endpoint.auth, Auth::Token);
    let address = tcp_address(&mut unix).await;

    let mut tcp = builder(&home).tcp(address).connect().await.unwrap();
    use_it(&mut tcp).await;
    let token = fs::read_to_string(paths(&home).token()).unwrap();
    assert!(!format!("{tcp:?}").contains(token.trim_end()), "{tcp:?}");

    let wrong = "0".repeat(64).parse().unwrap();
    let mut tcp = builder(&home).tcp(address).token(wrong).connect().await.unwrap();
    assert_eq!(code(tcp.health().await), ErrorCode::TokenRequired);

    // One that others may have read is not sent. A daemon that stands still
    // does not mend it.
    kill_process(home.daemons()[0], Signal::STOP).unwrap();
    fs::set_permissions(paths(&home).token(), Permissions::from_mode(0o644)).unwrap();
    let refused = builder(&home).tcp(address).connect().await;
    assert!(matches!(refused, Err(Error::Token(_))), "{refused:?}");
}

/// A daemon that stands still cannot put its socket back, and the kernel goes
/// on taking its connections.
#[tokio::test]
async fn without_the_socket_it_goes_where_the_daemon_published() {
    let home = home_apart();
    ask_for_token(&home);
    let address = tcp_address(&mut with_daemon(&home).await).await;
    let daemon = home.daemons()[0];
    kill_process(daemon, Signal::STOP).unwrap();
    fs::remove_file(paths(&home).socket()).unwrap();

    let mut client = Client::connect(&paths(&home)).await.unwrap();
    assert_eq!(*client.address(), Address::Tcp(address));
    kill_process(daemon, Signal::CONT).unwrap();
    use_it(&mut client).await;
}

/// The last daemon's port is another program's by now, and that one is this
/// user's as well.
#[tokio::test]
async fn what_got_a_dead_daemons_port_is_not_taken_for_it() {
    let home = home_apart();
    let address = tcp_address(&mut with_daemon(&home).await).await;
    home.kill(Signal::KILL);
    let other = TcpListener::bind(address).unwrap();
    let refused = Client::connect(&paths(&home)).await;
    assert!(matches!(refused, Err(Error::NotRunning { .. })), "{refused:?}");
    assert_heard_nothing(&other).await;
}

/// Whoever connected said nothing.
pub(crate) async fn assert_heard_nothing(listener: &TcpListener) {
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // The client's end is closed by a task of this very thread.
    let read = move || {
        let mut heard = Vec::new();
        match stream.read_to_end(&mut heard) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("the connection stays open"),
            _reset_is_nothing_too => heard,
        }
    };
    let heard = tokio::task::spawn_blocking(read).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&heard), "");
}

#[tokio::test]
async fn a_directory_that_others_can_enter_is_not_used() {
    let home = home_apart();
    with_daemon(&home).await;
    let run = home.dir().join("run");
    for mode in [0o710, 0o701, 0o720, 0o777] {
        fs::set_permissions(&run, Permissions::from_mode(mode)).unwrap();
        let refused = Client::connect(&paths(&home)).await;
        assert!(matches!(&refused, Err(Error::NotOurs { path }) if *path == run), "{mode:o}: {refused:?}");
    }
    fs::set_permissions(&run, Permissions::from_mode(0o700)).unwrap();
    Client::connect(&paths(&home)).await.unwrap();
}

/// What anybody could have written says nothing about where the daemon is.
#[tokio::test]
async fn an_address_that_others_could_have_published_is_not_used() {
    let home = home_apart();
    fs::create_dir(home.dir().join("run")).unwrap();
    fs::set_permissions(home.dir().join("run"), Permissions::from_mode(0o700)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    publish(&home, &[&listener.local_addr().unwrap().to_string()], std::process::id());
    let path = paths(&home).endpoint();
    // This process is the daemon as far as can be seen.
    assert!(Client::connect(&paths(&home)).await.is_ok());
    assert_heard_nothing(&listener).await;

    fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    let refused = Client::connect(&paths(&home)).await;
    assert!(matches!(refused, Err(Error::NotRunning { .. })), "{refused:?}");
    for addresses in [&["192.0.2.1:80"][..], &["elsewhere:80"], &[]] {
        publish(&home, addresses, std::process::id());
        let refused = Client::connect(&paths(&home)).await;
        assert!(matches!(refused, Err(Error::NotRunning { .. })), "{addresses:?}: {refused:?}");
    }
}

/// Writes what a daemon would publish.
pub(crate) fn publish(home: &Home, addresses: &[&str], pid: u32) {
    let endpoint = serde_json::json!({
        "url": null, "port": null, "addresses": addresses, "pid": pid, "version": "0.1.0", "auth": "token",
    });
    let _may_not_be_there = fs::remove_file(paths(home).endpoint());
    private(home, "run/endpoint.json", &endpoint.to_string());
    private(home, "run/token", &format!("{}\n", "0123456789abcdef".repeat(4)));
}

#[tokio::test]
async fn only_loopback() {
    let home = home_apart();
    let refused = builder(&home).tcp("192.0.2.1:62893".parse().unwrap()).connect().await;
    assert!(matches!(refused, Err(Error::UnknownListener { .. })), "{refused:?}");
}

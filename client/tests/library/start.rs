//! Starting a daemon from a program that is not portlease.

use std::net::{SocketAddr, TcpListener};

use portlease::{
    Client, Error, StartError,
    proto::{BaseDirs, Paths},
};

use crate::{apart::home_apart, builder, support::Home, with_daemon};

#[tokio::test]
async fn only_when_told_to_and_only_one() {
    let home = home_apart();
    let refused = builder(&home).connect().await;
    assert!(matches!(refused, Err(Error::NotRunning { .. })), "{refused:?}");
    assert!(home.daemons().is_empty());

    assert!(with_daemon(&home).await.started_daemon());
    assert!(!with_daemon(&home).await.started_daemon());
    assert_eq!(home.daemons().len(), 1);
}

#[tokio::test]
async fn many_at_once_start_one() {
    let home = home_apart();
    let clients: Vec<_> = (0..20)
        .map(|_| builder(&home).autostart(true).program(env!("CARGO_BIN_EXE_portlease")).connect())
        .map(tokio::spawn)
        .collect();
    let mut started = 0;
    for client in clients {
        let mut client = client.await.unwrap().unwrap();
        client.health().await.unwrap();
        started += usize::from(client.started_daemon());
    }
    assert_eq!((started, home.daemons().len()), (1, 1));
}

/// Beside the ports of all homes, and below those that the kernel gives to
/// connections: a daemon of another test would be this user's, too.
fn free_port() -> u16 {
    let id = u16::try_from(std::process::id() % 300).unwrap();
    let is_free = |port: &u16| ["127.0.0.1", "::1"].iter().all(|ip| TcpListener::bind((*ip, *port)).is_ok());
    (0..300).map(|step| 19_700 + (id + step) % 300).find(is_free).unwrap()
}

#[tokio::test]
async fn over_tcp_alone() {
    let port = free_port();
    let binary = env!("CARGO_BIN_EXE_portlease");
    let home = Home::new(vec![binary.into()], &format!("[api]\nport = {port}"));
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut client = builder(&home).tcp(address).autostart(true).program(binary).connect().await.unwrap();
    assert!(client.started_daemon());
    assert_eq!(client.health().await.unwrap().endpoint.pid, home.daemons()[0].as_raw_pid().unsigned_abs());
}

#[tokio::test]
async fn what_hinders_it_is_told_by_kind() {
    let home = home_apart();
    let start = |program: &str| builder(&home).autostart(true).program(program).connect();
    match start("/no/such/program").await {
        Err(Error::Start(StartError::Program { program, .. })) => {
            assert_eq!(program.to_str(), Some("/no/such/program"));
        }
        other => panic!("{other:?}"),
    }
    match start("false").await {
        Err(Error::Start(StartError::Ended { reason })) => {
            assert!(reason.contains("exit status: 1"), "{reason}")
        }
        other => panic!("{other:?}"),
    }

    let home = Home::new(vec![env!("CARGO_BIN_EXE_portlease").into()], "pol = \"1-2\"");
    match builder(&home).autostart(true).program(env!("CARGO_BIN_EXE_portlease")).connect().await {
        Err(Error::Start(StartError::Ended { reason })) => assert!(reason.contains("`pol`"), "{reason}"),
        other => panic!("{other:?}"),
    }

    // A daemon takes its directories from the environment, which cannot say this.
    let (state, runtime) = (home.dir().join("a"), home.dir().join("b"));
    let dirs = BaseDirs { state, config: home.dir().join("c"), runtime: Some(runtime), home: None };
    let paths = Paths::resolve(dirs);
    let refused = Client::builder().paths(paths).autostart(true).connect().await;
    assert!(matches!(refused, Err(Error::Start(StartError::Elsewhere { .. }))), "{refused:?}");
    assert!(home.daemons().is_empty());
}

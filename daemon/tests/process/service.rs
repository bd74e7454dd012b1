//! The daemon as a service manager runs it: with sockets that outlive it, told
//! what it tells.

use std::{
    net::{SocketAddr, TcpListener},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::{UnixDatagram, UnixListener},
    },
    process::Command,
    time::Duration,
};

use command_fds::{CommandFdExt, FdMapping};
use rustix::process::Signal;

use crate::{
    daemon::{Daemon, Home},
    support::{
        http::{Connection, PATIENCE, request},
        ports::POOL,
    },
};

/// What a service manager keeps for one home.
struct Kept {
    unix: UnixListener,
    tcp: Vec<TcpListener>,
    notices: UnixDatagram,
}

impl Kept {
    fn of(home: &Home) -> Self {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        std::fs::DirBuilder::new().mode(0o700).recursive(true).create(home.path("run")).unwrap();
        let unix = UnixListener::bind(home.socket()).unwrap();
        std::fs::set_permissions(home.socket(), std::fs::Permissions::from_mode(0o600)).unwrap();
        let tcp = ["127.0.0.1", "::1"].map(|ip| TcpListener::bind((ip, home.api())).unwrap());
        let notices = UnixDatagram::bind(home.path("notices")).unwrap();
        notices.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { unix, tcp: tcp.into(), notices }
    }

    fn address(&self, index: usize) -> SocketAddr {
        self.tcp[index].local_addr().unwrap()
    }

    /// A daemon that is given all of it.
    fn spawn<'a>(&self, home: &'a Home, environment: &str) -> Daemon<'a> {
        let unix = [("unix", self.unix.as_fd().try_clone_to_owned().unwrap())];
        let tcp = self.tcp.iter().map(|tcp| ("tcp", tcp.as_fd().try_clone_to_owned().unwrap()));
        let notify = format!("NOTIFY_SOCKET={} {environment}", home.path("notices").display());
        spawn(home, unix.into_iter().chain(tcp).collect(), &notify)
    }

    /// Waits for a notice that begins so.
    fn told(&self, beginning: &str) -> String {
        loop {
            let notice = self.notice().unwrap_or_else(|| panic!("no {beginning}"));
            if notice.starts_with(beginning) {
                return notice;
            }
        }
    }

    /// None when none comes in time.
    fn notice(&self) -> Option<String> {
        let mut bytes = [0; 1024];
        let length = self.notices.recv(&mut bytes).ok()?;
        Some(String::from_utf8(bytes[..length].to_vec()).unwrap())
    }
}

/// sh tells the process its own pid, and becomes the daemon.
fn spawn<'a>(home: &'a Home, passed: Vec<(&str, OwnedFd)>, environment: &str) -> Daemon<'a> {
    let names: Vec<&str> = passed.iter().map(|(name, _)| *name).collect();
    let (count, names) = (passed.len(), names.join(":"));
    let script =
        format!("export LISTEN_PID=$$ LISTEN_FDS={count} LISTEN_FDNAMES={names} {environment}; exec \"$0\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_portleased")]);
    let mappings = (3..).zip(passed).map(|(child_fd, (_, parent_fd))| FdMapping { parent_fd, child_fd });
    command.fd_mappings(mappings.collect()).unwrap();
    home.spawn_as(command)
}

#[test]
fn who_asks_before_it_runs_is_answered_and_its_sockets_outlive_it() {
    let home = Home::new();
    let kept = Kept::of(&home);
    let mut port = None;
    for round in 0..2 {
        // Nobody runs: these wait in the sockets.
        let mut waiting = vec![Connection::unix(&home.socket()).unwrap()];
        waiting.extend((0..2).map(|index| Connection::tcp(kept.address(index)).unwrap()));
        for (index, connection) in waiting.iter_mut().enumerate() {
            let host =
                index.checked_sub(1).map_or("localhost".to_owned(), |index| kept.address(index).to_string());
            let text = request("PUT", "/v1/leases/myapp/web", "")
                .replace("Host: localhost", &format!("Host: {host}"));
            connection.send(text);
        }
        let mut daemon = kept.spawn(&home, "");
        for connection in &mut waiting {
            let answer = connection.answer();
            assert!([200, 201].contains(&answer.status), "{round}: {answer:?}");
            let lease = answer.json(answer.status);
            assert_eq!(*port.get_or_insert(lease["port"].clone()), lease["port"]);
        }
        let endpoint = &daemon.health()["endpoint"];
        assert_eq!(
            endpoint["addresses"],
            serde_json::json!([kept.address(0).to_string(), kept.address(1).to_string()])
        );
        daemon.signal(Signal::TERM);
        assert!(daemon.exit(PATIENCE).success(), "{}", daemon.said());
        assert!(home.socket().exists(), "the service manager's socket is gone");
    }
}

#[test]
fn who_is_accepted_just_before_it_ends_is_answered() {
    let home = Home::new();
    let kept = Kept::of(&home);
    let mut daemon = kept.spawn(&home, "");
    kept.told("READY=1");
    let mut late = vec![Connection::unix(&home.socket()).unwrap()];
    late.extend((0..2).map(|index| Connection::tcp(kept.address(index)).unwrap()));
    // They are accepted in turn: whoever came before this one has been.
    daemon.health();
    for index in 0..2 {
        let mut after = Connection::tcp(kept.address(index)).unwrap();
        after.send(request("GET", "/v1/health", "").replace("localhost", &kept.address(index).to_string()));
        after.answer().json(200);
    }
    daemon.signal(Signal::TERM);
    kept.told("STOPPING=1");
    for (index, connection) in late.iter_mut().enumerate() {
        let host =
            index.checked_sub(1).map_or("localhost".to_owned(), |index| kept.address(index).to_string());
        connection.send(request("GET", "/v1/health", "").replace("localhost", &host));
        let answer = connection.answer();
        assert_eq!((answer.status, answer.header("connection")), (200, Some("close")), "{index}");
        assert!(connection.rest().is_empty());
    }
    assert!(daemon.exit(PATIENCE).success(), "{}", daemon.said());
}

#[test]
fn settings_that_are_read_again_do_not_move_what_was_passed() {
    let home = Home::new();
    let kept = Kept::of(&home);
    let mut daemon = kept.spawn(&home, "");
    kept.told("READY=1");
    let before = daemon.health();
    home.configure(home.ports.at(POOL - 2), "exclude = [7777]");
    daemon.signal(Signal::HUP);
    kept.told("RELOADING=1");
    kept.told("READY=1");
    let said = daemon.said();
    for words in [&format!("the service manager keeps port {}", home.api()), "exclude: [] → [\"7777\"]"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(daemon.health(), before);
    assert!(Connection::tcp(SocketAddr::from(([127, 0, 0, 1], home.ports.at(POOL - 2)))).is_err());
    // What waits there for the next daemon does so on the same port.
    daemon.signal(Signal::TERM);
    assert!(daemon.exit(PATIENCE).success());
    let mut daemon = kept.spawn(&home, "");
    assert_eq!(daemon.health()["endpoint"]["port"], home.api());
    assert!(daemon.said().contains("and the settings say"), "{}", daemon.said());
}

#[test]
fn what_was_not_passed_it_makes_itself() {
    let home = Home::new();
    let kept = Kept::of(&home);
    let unix = vec![("unix", kept.unix.as_fd().try_clone_to_owned().unwrap())];
    drop(kept.tcp);
    let mut daemon = spawn(&home, unix, "");
    assert_eq!(daemon.health()["endpoint"]["port"], home.api());
    drop(daemon);

    // TCP alone: the Unix socket that leads nowhere is replaced, and goes with it.
    drop(kept.unix);
    let v4 = TcpListener::bind(("127.0.0.1", home.api())).unwrap();
    let mut daemon = spawn(&home, vec![("tcp", v4.into())], "");
    let addresses = &daemon.health()["endpoint"]["addresses"];
    assert_eq!(addresses.as_array().map(Vec::len), Some(2), "{addresses}");
    daemon.signal(Signal::TERM);
    assert!(daemon.exit(PATIENCE).success());
    assert!(!home.socket().exists());
}

#[test]
fn a_deleted_socket_is_replaced_by_one_of_its_own() {
    let home = Home::new();
    let kept = Kept::of(&home);
    let mut daemon = kept.spawn(&home, "");
    daemon.health();
    std::fs::remove_file(home.socket()).unwrap();
    daemon.health();
    daemon.kill();
    // The one that was passed leads nowhere now.
    let mut daemon = kept.spawn(&home, "");
    daemon.health();
}

#[test]
fn what_others_could_reach_is_refused() {
    let home = Home::new();
    let everywhere = TcpListener::bind(("0.0.0.0", home.api())).unwrap();
    let mut daemon = spawn(&home, vec![("tcp", everywhere.into())], "");
    assert_eq!(daemon.exit(PATIENCE).code(), Some(1));
    let said = daemon.said();
    assert!(said.contains("it listens on 0.0.0.0:"), "{said}");
}

#[test]
fn it_takes_the_place_of_one_that_a_command_started() {
    let home = Home::new();
    let mut before = home.start();
    let lease = before.put("myapp/web").json(201);
    // The service manager puts its socket in the place of the other.
    std::fs::rename(home.socket(), home.path("old")).unwrap();
    let unix = UnixListener::bind(home.socket()).unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(home.socket(), std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut daemon = spawn(&home, vec![("unix", unix.into())], "");
    assert!(before.exit(PATIENCE).success());
    assert_eq!(daemon.put("myapp/web").json(200)["id"], lease["id"]);
    assert_eq!(daemon.health()["endpoint"]["pid"], daemon.pid());
    // One without sockets does not.
    assert!(home.fails().contains("running already"));
}

#[test]
fn the_service_manager_is_told_when_it_answers_and_that_it_lives() {
    const WATCHDOG: Duration = Duration::from_millis(300);
    let home = Home::new();
    let kept = Kept::of(&home);
    let mut daemon = kept.spawn(&home, &format!("WATCHDOG_USEC={}", WATCHDOG.as_micros()));
    kept.told("READY=1");
    daemon.put("myapp/web").json(201);
    kept.told("WATCHDOG=1");
    let status = kept.told("STATUS=1 lease; ");
    assert_eq!(status.trim_end(), format!("STATUS=1 lease; http://{}", kept.address(0)));

    daemon.signal(Signal::STOP);
    kept.notices.set_read_timeout(Some(WATCHDOG * 2)).unwrap();
    // What was under way comes, and then nothing.
    let under_way = std::iter::from_fn(|| kept.notice()).take(20).count();
    assert!(under_way < 20, "a process that was stopped gives signs of life");
    daemon.signal(Signal::CONT);
    kept.notices.set_read_timeout(Some(PATIENCE)).unwrap();
    kept.told("WATCHDOG=1");
    daemon.signal(Signal::TERM);
    kept.told("STOPPING=1");
    assert!(daemon.exit(PATIENCE).success());
}

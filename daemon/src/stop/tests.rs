//! Who is stopped, and who is not, with every edge fixed.

use portlease_proto::StopSignal;

use super::*;
use crate::{
    doubles::{Doubles, OTHER_UID, OUR_UID},
    processes::OpenSocket,
    sockets::Transport,
};

const PORT: Port = Port::constant(3000);

impl Doubles {
    fn own_server(&self) -> OpenSocket {
        self.serve(Transport::Tcp, PORT, OUR_UID, "/srv")
    }

    fn stop(&self, pid: u32, inode: u64, signal: StopSignal) -> Result<Stopped, StopError> {
        stop(&self.edges(), PORT, &StopRequest { pid, inode, signal })
    }

    /// Nobody may have got a signal.
    fn refuses(&self, pid: u32, inode: u64) -> StopError {
        let refused = self.stop(pid, inode, StopSignal::Term).unwrap_err();
        assert_eq!(*self.processes.running().signals.lock().unwrap(), []);
        refused
    }
}

#[test]
fn the_process_that_was_seen_gets_the_signal_that_was_asked_for() {
    for signal in [StopSignal::Term, StopSignal::Kill] {
        let doubles = Doubles::default();
        let open = doubles.own_server();
        let stopped = doubles.stop(open.pid, open.inode, signal).unwrap();
        assert_eq!(stopped, Stopped { port: PORT, pid: open.pid, signal, ended: true, free: false });
        assert_eq!(*doubles.processes.running().signals.lock().unwrap(), [(open.pid, signal)]);
    }
}

#[test]
fn what_is_no_longer_so_stops_nobody() {
    let doubles = Doubles::default();
    let open = doubles.own_server();
    let elsewhere = doubles.serve(Transport::Tcp, Port::constant(3001), OUR_UID, "/srv");
    for (pid, inode) in [
        (open.pid, open.inode + 1),
        (open.pid, 0),
        (elsewhere.pid, open.inode),
        (elsewhere.pid, elsewhere.inode),
        (9999, open.inode),
    ] {
        let refused = doubles.refuses(pid, inode);
        assert!(matches!(refused, StopError::Stale { .. }), "{pid} {inode}: {refused:?}");
    }
    doubles.processes.close(open);
    assert!(matches!(doubles.refuses(open.pid, open.inode), StopError::Stale { .. }));
}

#[test]
fn it_is_looked_at_after_it_was_taken_hold_of() {
    let doubles = Doubles::default();
    let open = doubles.own_server();
    doubles.processes.running().after_pin = Some(|running| running.open.clear());
    assert!(matches!(doubles.refuses(open.pid, open.inode), StopError::Stale { .. }));
}

#[test]
fn another_users_process_is_not_stopped() {
    let doubles = Doubles::default();
    let open = doubles.serve(Transport::Tcp, PORT, OTHER_UID, "/srv");
    assert!(matches!(doubles.refuses(open.pid, open.inode), StopError::AnotherUser { .. }));
    // Whether it has the socket cannot be seen, but whose it is can.
    doubles.processes.running().unreadable.insert(open.pid);
    assert!(matches!(doubles.refuses(open.pid, open.inode), StopError::AnotherUser { .. }));
}

#[test]
fn an_own_process_that_hides_is_not_stopped() {
    let doubles = Doubles::default();
    let open = doubles.own_server();
    doubles.processes.running().unreadable.insert(open.pid);
    assert!(matches!(doubles.refuses(open.pid, open.inode), StopError::Stale { .. }));
}

#[test]
fn those_above_the_daemon_are_not_stopped() {
    let doubles = Doubles::default();
    let open = doubles.own_server();
    doubles.processes.running().ancestors = vec![open.pid, 1];
    assert!(matches!(doubles.refuses(open.pid, open.inode), StopError::Protected { .. }));
    assert!(protected(1, 50, &[40, 1]).is_some());
    assert!(protected(1, 50, &[]).is_some(), "in a namespace where it is not above us");
    assert!(protected(50, 50, &[40, 1]).is_some());
    assert!(protected(40, 50, &[40, 1]).is_some());
    assert!(protected(51, 50, &[40, 1]).is_none());
}

#[test]
fn a_container_is_named() {
    let doubles = Doubles::default();
    let open = doubles.own_server();
    let command = "/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 3000 -container-ip 172.17.0.2 \
                   -container-port 80";
    doubles.processes.running().processes.get_mut(&open.pid).unwrap().holder.command =
        Some(command.to_owned());
    let refused = doubles.refuses(open.pid, open.inode);
    assert!(refused.to_string().ends_with("port 80 of the container at 172.17.0.2"), "{refused}");
}

#[test]
fn sockets_that_cannot_be_read_stop_nobody() {
    let doubles = Doubles::default();
    let open = doubles.own_server();
    doubles.sockets.kernel().fails = Some(|| SocketError::NotWhole("TCP"));
    assert!(matches!(doubles.refuses(open.pid, open.inode), StopError::Sockets(_)));
}

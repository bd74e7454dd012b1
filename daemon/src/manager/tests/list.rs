//! Leases with what is on their ports.

use portlease_proto::{LeaseState, Protocol};

use super::*;
use crate::{doubles::OTHER_UID, sockets::SocketError};

#[test]
fn every_state_is_told() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let [root, gone, overrun] = [0; 3].map(|_| tempfile::tempdir().unwrap());
    let reserved = manager.lease("a/reserved", &any());
    let bound = manager.lease("b/bound", &from_root(&root));
    let taken = manager.lease("c/taken", &any());
    let stale = manager.lease("d/stale", &from_root(&gone));
    let taken_and_stale = manager.lease("e/stale", &from_root(&overrun));
    let app = doubles.app(bound.port, &path(&root));
    let stranger = doubles.stranger(taken.port);
    doubles.stranger(taken_and_stale.port);
    drop((gone, overrun));

    let listed = manager.list(None).unwrap();
    let states: Vec<_> = listed.iter().map(|lease| (lease.port, lease.state)).collect();
    let expected = [
        (reserved.port, LeaseState::Reserved),
        (bound.port, LeaseState::Bound),
        (taken.port, LeaseState::Taken),
        (stale.port, LeaseState::Stale),
        (taken_and_stale.port, LeaseState::Stale),
    ];
    assert_eq!(states, expected);
    let pids: Vec<_> = listed.iter().map(|lease| lease.holder.as_ref().and_then(|h| h.pid)).collect();
    assert_eq!(pids[..4], [None, Some(app.pid), Some(stranger.pid), None]);

    // All of that took one reading of the table and one walk, and one lease
    // alone is shown no otherwise.
    assert_eq!(doubles.sockets.kernel().asked.listeners, 1);
    assert_eq!(doubles.processes.running().finds, 1);
    for lease in listed {
        let key = LeaseKey { project: lease.project.clone(), service: lease.service.clone() };
        assert_eq!(manager.show(&key).unwrap(), lease);
    }
}

#[test]
fn leases_are_sorted_and_filtered_by_project() {
    let manager = Doubles::default().manager();
    for name in ["b/web", "a@x/web", "a/web", "b/api", "a/api"] {
        manager.lease(name, &any());
    }
    let names = |project: Option<&str>| -> Vec<String> {
        let project = project.map(|project| project.parse().unwrap());
        let leases = manager.list(project.as_ref()).unwrap();
        leases.iter().map(|lease| format!("{}/{}", lease.project, lease.service)).collect()
    };
    assert_eq!(names(None), ["a/api", "a/web", "a@x/web", "b/api", "b/web"]);
    assert_eq!(names(Some("b")), ["b/api", "b/web"]);
    assert!(names(Some("c")).is_empty());
}

#[test]
fn a_table_that_cannot_be_read_is_an_error() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    manager.lease("app/web", &any());
    doubles.sockets.kernel().fails = Some(|| SocketError::NotWhole("TCP"));
    let error = manager.list(None).unwrap_err();
    assert!(matches!(error, Error::Sockets(SocketError::NotWhole(_))), "{error:?}");
}

#[test]
fn only_the_protocol_of_the_lease_is_listed() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let lease = manager.lease("app/web", &GetRequest { protocol: Some(Protocol::Tcp), ..any() });
    doubles.serve(Transport::Udp, lease.port, OTHER_UID, "/srv");
    doubles.sockets.leave(lease.port);
    assert_eq!(manager.list(None).unwrap(), [lease]);
}

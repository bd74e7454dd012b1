//! Ready is who could grant at this moment; who is not says what is missing.

use super::*;
use crate::sockets::SocketError;

#[test]
fn ready_is_who_could_grant() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    manager.ready().unwrap();
    assert_eq!(doubles.store.commits().len(), 0);
    assert_eq!(doubles.sockets.kernel().asked.probe, 0, "it bound a port");
}

#[test]
fn without_a_store_it_is_not_ready() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    doubles.store.fail_after(0);
    assert!(matches!(manager.ready(), Err(Error::Store(_))));
    manager.ready().unwrap();
}

#[test]
fn without_the_kernel_it_is_not_ready() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    for fails in [|| SocketError::Garbled("a test"), || SocketError::TooManyFiles] {
        doubles.sockets.kernel().fails = Some(fails);
        assert!(matches!(manager.ready(), Err(Error::Sockets(_))));
    }
    doubles.sockets.kernel().fails = None;
    manager.ready().unwrap();
}

#[test]
fn a_registry_taken_away_is_written_anew_as_a_grant_would() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    manager.lease("app/web", &any());
    doubles.store.take_away();
    manager.ready().unwrap();
    assert_eq!(doubles.store.saved().len(), 1);

    doubles.store.take_away();
    doubles.store.fail_after(0);
    assert!(matches!(manager.ready(), Err(Error::Store(_))));
}

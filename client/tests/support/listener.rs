//! A listener that is another user's.

use std::net::{Ipv4Addr, TcpListener};

use super::users::{Helper, Programs, say, told};

/// Starts a process of user `uid` that listens on `port` of 127.0.0.1 until
/// the helper is dropped.
pub(crate) fn of(programs: &Programs, uid: u32, port: u16) -> Helper {
    let mut helper = programs.helper(uid, "listener::listen");
    helper.tell(&format!("listen {port}"));
    helper.wait_for("listening");
    helper
}

/// What the helper runs; by itself it does nothing.
#[test]
fn listen() {
    let told_first = told();
    let Some(port) = told_first.as_deref().and_then(|line| line.strip_prefix("listen ")) else { return };
    let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse().unwrap())).unwrap();
    say("listening");
    let _until_the_end = told();
}

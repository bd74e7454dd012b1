//! The way to a port, walked for the doctor: a connection, then what may be in
//! its way. Deciding is the doctor's. May block for some seconds.

mod connect;
mod names;
#[cfg(target_os = "linux")]
#[path = "programs.rs"]
mod programs;
#[cfg(not(target_os = "linux"))]
#[path = "no_programs.rs"]
mod programs;
mod speech;

use portlease_proto::SocketState;

use crate::{
    doctor::{Facts, Way},
    sockets::Sockets,
};

/// Goes to the port as a client that calls this machine so would.
#[must_use]
pub fn walk(sockets: &dyn Sockets, facts: &Facts) -> Way {
    let (attempts, mut streams) = connect::attempts(facts);
    let mut way = Way { attempts, names: names::names(&facts.host), ..Way::default() };
    if way.obstructed().is_some() {
        if !is_still_listened_on(sockets, facts) {
            return Way { attempts: Vec::new(), ..way };
        }
        way.rules = programs::rules();
    }
    way.speech = streams.pop().and_then(|stream| speech::speech(sockets, facts, stream));
    way
}

/// A server that ended meanwhile is no sign of anything in the way.
fn is_still_listened_on(sockets: &dyn Sockets, facts: &Facts) -> bool {
    let now = sockets.in_detail(facts.report.port).unwrap_or_default();
    now.iter().any(|socket| socket.state == SocketState::Listening)
}

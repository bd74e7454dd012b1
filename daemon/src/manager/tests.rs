//! The manager with every edge fixed: what it grants, moves, refuses and saves.

mod batch;
mod choice;
mod clocks;
mod contradictions;
mod crowds;
mod export;
mod failures;
mod faults;
mod gc;
mod holds;
mod life;
mod list;
mod lookup;
mod model;
mod mv;
mod outliving;
mod ports;
mod random;
mod ready;
mod release;
mod runs;
mod settle;
mod strangers;
mod told;
mod watch;

use portlease_proto::{GetRequest, Lease, Port};

use super::{Error, Granted, Manager, Settings};
use crate::{
    allocator::{self, Pool},
    doubles::{Doubles, POOL},
    registry::LeaseKey,
    sockets::Transport,
};

/// The lease of `project/service`.
fn key(text: &str) -> LeaseKey {
    let (project, service) = text.split_once('/').unwrap();
    LeaseKey { project: project.parse().unwrap(), service: service.parse().unwrap() }
}

fn any() -> GetRequest {
    GetRequest::default()
}

fn exactly(port: Port) -> GetRequest {
    GetRequest { port: Some(port), ..any() }
}

fn prefer(ports: &[Port]) -> GetRequest {
    GetRequest { prefer: ports.to_vec(), ..any() }
}

fn from_root(root: &tempfile::TempDir) -> GetRequest {
    GetRequest { root: Some(path(root)), ..any() }
}

/// The directory as the kernel names it: a temporary one may lie behind a link.
fn path(root: &tempfile::TempDir) -> String {
    root.path().canonicalize().unwrap().into_os_string().into_string().unwrap()
}

/// The pool in the order in which that lease walks it.
fn walk(name: &str) -> Vec<Port> {
    let pool = Pool::from(POOL);
    allocator::candidates(&key(name), &any(), &pool).map(|candidate| candidate.port).collect()
}

impl Manager {
    fn granted(&self, name: &str, request: &GetRequest) -> Granted {
        self.get(&key(name), request).unwrap()
    }

    fn lease(&self, name: &str, request: &GetRequest) -> Lease {
        self.granted(name, request).lease
    }

    /// What the watcher does at each tick.
    fn watch_once(&self) {
        let changed = self.glance().unwrap();
        if !changed.is_empty() {
            self.look_closer(changed).unwrap();
        }
    }

    fn refused(&self, name: &str, request: &GetRequest) -> Error {
        self.get(&key(name), request).unwrap_err()
    }

    /// The ports that are claimed, in order.
    fn claimed(&self) -> Vec<Port> {
        self.lock().kept.claimed()
    }
}

impl Doubles {
    /// A TCP server of this user, with its working directory in `cwd`.
    fn app(&self, port: Port, cwd: &str) -> crate::processes::OpenSocket {
        self.serve(Transport::Tcp, port, crate::doubles::OUR_UID, cwd)
    }
}

//! The manager's edges with answers that tests fix: a kernel, processes, a
//! clock and a store that do what they are told, and count how they are asked.

mod owners;
mod processes;
mod sockets;
mod store;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use portlease_proto::{Port, PortRange};

pub(crate) use owners::FixedOwners;
pub(crate) use processes::FixedProcesses;
pub(crate) use sockets::{Asked, FixedSockets};
pub(crate) use store::MemoryStore;

use crate::{
    allocator::Pool,
    clock::{BootId, Clock, Now},
    events::Events,
    manager::{Edges, Manager, Settings},
    processes::OpenSocket,
    sockets::Transport,
};

/// The pool of [`Doubles::manager`]: no port of it is excluded.
pub(crate) const POOL: PortRange = PortRange::constant(20100, 20109);
/// The user that the daemon runs as, by the name of `ada`.
pub(crate) const OUR_UID: u32 = 1000;
/// Another user, by the name of `eve`.
pub(crate) const OTHER_UID: u32 = 1001;

/// All edges of one manager.
#[derive(Default)]
pub(crate) struct Doubles {
    pub(crate) sockets: Arc<FixedSockets>,
    pub(crate) processes: Arc<FixedProcesses>,
    pub(crate) owners: Arc<FixedOwners>,
    pub(crate) clock: Arc<SetClock>,
    pub(crate) events: Arc<Events>,
    pub(crate) store: Arc<MemoryStore>,
}

impl Doubles {
    /// A manager of a small pool, with what the store has saved so far.
    pub(crate) fn manager(&self) -> Manager {
        self.manager_with(Settings { pool: Pool::from(POOL), leases_per_project: 16, ..Settings::default() })
    }

    pub(crate) fn edges(&self) -> Edges {
        Edges {
            sockets: self.sockets.clone(),
            processes: self.processes.clone(),
            owners: self.owners.clone(),
            clock: self.clock.clone(),
            events: self.events.clone(),
        }
    }

    pub(crate) fn manager_with(&self, settings: Settings) -> Manager {
        Manager::new(self.edges(), settings, Box::new(Arc::clone(&self.store)), self.store.saved())
    }

    /// A server of `uid` that listens on `port` on all addresses; its command
    /// is `server-PID`.
    pub(crate) fn serve(&self, transport: Transport, port: Port, uid: u32, cwd: &str) -> OpenSocket {
        let open = self.processes.start(uid, cwd);
        self.sockets.listen(transport, port, uid, open.inode);
        open
    }

    /// A TCP server of another user: a stranger to every lease.
    pub(crate) fn stranger(&self, port: Port) -> OpenSocket {
        self.serve(Transport::Tcp, port, OTHER_UID, "/srv")
    }
}

/// A clock that goes on when told to.
#[derive(Debug)]
pub(crate) struct SetClock(Mutex<Now>);

impl SetClock {
    pub(crate) fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        now.wall += by;
        now.boot += by;
        now.awake += by;
    }

    /// The machine sleeps.
    pub(crate) fn suspend(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        now.wall += by;
        now.boot += by;
    }

    pub(crate) fn now_wall(&self) -> SystemTime {
        self.0.lock().unwrap().wall
    }

    /// The machine is started anew: what counts from then begins at 0.
    pub(crate) fn restart_machine(&self, boot_id: BootId) {
        let mut now = self.0.lock().unwrap();
        *now = Now { wall: now.wall, boot_id, ..at(0) };
    }

    /// Somebody sets the wall clock.
    pub(crate) fn set(&self, wall: SystemTime) {
        self.0.lock().unwrap().wall = wall;
    }
}

/// So many seconds after the machine was started, and after 1970.
pub(crate) fn at(seconds: u64) -> Now {
    let time = Duration::from_secs(seconds);
    Now { wall: SystemTime::UNIX_EPOCH + time, boot: time, awake: time, boot_id: BootId(1) }
}

impl Default for SetClock {
    fn default() -> Self {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        Self(Mutex::new(Now { wall, ..at(1000) }))
    }
}

impl Clock for SetClock {
    fn now(&self) -> Now {
        *self.0.lock().unwrap()
    }
}

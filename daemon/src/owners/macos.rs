//! macOS: no pidfds; owners are looked at whenever the daemon ticks, and known
//! by their pid and the second in which they started. Not run on a Mac by us.

use std::{
    collections::HashSet,
    io,
    sync::{Mutex, PoisonError},
};

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::{OwnerError, Owners};
use crate::{
    clock::{Clock, SystemClock},
    registry::Owner,
};

/// The processes of the running system.
#[derive(Debug, Default)]
pub struct SystemOwners {
    watched: Mutex<HashSet<Owner>>,
}

impl SystemOwners {
    /// A watch over nobody.
    ///
    /// # Errors
    /// None here.
    pub fn new() -> io::Result<Self> {
        Ok(Self::default())
    }
}

impl Owners for SystemOwners {
    fn find(&self, pid: u32) -> Result<Owner, OwnerError> {
        let mut system = System::new();
        let wanted = Pid::from_u32(pid);
        let what = ProcessRefreshKind::nothing();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[wanted]), true, what);
        let process = system.process(wanted).ok_or(OwnerError::Ended)?;
        Ok(Owner { pid, start: process.start_time(), boot_id: SystemClock.now().boot_id })
    }

    fn watch(&self, owner: Owner) -> Result<(), OwnerError> {
        if self.find(owner.pid)? != owner {
            return Err(OwnerError::Ended);
        }
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).insert(owner);
        Ok(())
    }

    fn unwatch(&self, owner: Owner) {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).remove(&owner);
    }

    fn ended(&self) -> Vec<Owner> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let (alive, ended) =
            watched.iter().partition(|owner| self.find(owner.pid).is_ok_and(|now| now == **owner));
        *watched = alive;
        ended.into_iter().collect()
    }
}

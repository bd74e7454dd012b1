//! Processes that live until a test ends them.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard},
};

use crate::{
    clock::BootId,
    owners::{OwnerError, Owners},
    registry::Owner,
};

/// Owners that live until they are told to end.
#[derive(Debug, Default)]
pub(crate) struct FixedOwners(Mutex<Living>);

#[derive(Debug, Default)]
struct Living {
    pids: BTreeSet<u32>,
    watched: Vec<Owner>,
    ended: Vec<Owner>,
    files_used_up: bool,
}

impl FixedOwners {
    fn living(&self) -> MutexGuard<'_, Living> {
        self.0.lock().unwrap()
    }

    /// A process begins.
    pub(crate) fn begin(&self, pid: u32) {
        self.living().pids.insert(pid);
    }

    /// A process ends.
    pub(crate) fn end(&self, pid: u32) {
        let mut living = self.living();
        living.pids.remove(&pid);
        let (ended, watched) = std::mem::take(&mut living.watched).into_iter().partition(|o| o.pid == pid);
        living.watched = watched;
        living.ended.extend::<Vec<Owner>>(ended);
    }

    /// The pids that are watched.
    pub(crate) fn watched(&self) -> Vec<u32> {
        self.living().watched.iter().map(|owner| owner.pid).collect()
    }

    /// Whether watching takes a file that is not to be had.
    pub(crate) fn use_up_files(&self, used_up: bool) {
        self.living().files_used_up = used_up;
    }
}

impl Owners for FixedOwners {
    fn find(&self, pid: u32) -> Result<Owner, OwnerError> {
        let owner = Owner { pid, start: u64::from(pid) * 100, boot_id: BootId(1) };
        if self.living().pids.contains(&pid) { Ok(owner) } else { Err(OwnerError::Ended) }
    }

    fn watch(&self, owner: Owner) -> Result<(), OwnerError> {
        if self.living().files_used_up {
            return Err(OwnerError::TooManyFiles);
        }
        if self.find(owner.pid)? != owner {
            return Err(OwnerError::Ended);
        }
        self.living().watched.push(owner);
        Ok(())
    }

    fn unwatch(&self, owner: Owner) {
        self.living().watched.retain(|watched| *watched != owner);
    }

    fn ended(&self) -> Vec<Owner> {
        std::mem::take(&mut self.living().ended)
    }
}

//! Which leases have to do with which process. Pure.

use std::collections::{BTreeSet, HashMap};

use super::{LeaseKey, Owner};

/// Leases by a process.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Ties(HashMap<Owner, BTreeSet<LeaseKey>>);

impl Ties {
    pub(super) fn tie(&mut self, process: Option<Owner>, key: &LeaseKey) {
        if let Some(process) = process {
            self.0.entry(process).or_default().insert(key.clone());
        }
    }

    pub(super) fn untie(&mut self, process: Option<Owner>, key: &LeaseKey) {
        let Some(process) = process else { return };
        if let Some(leases) = self.0.get_mut(&process) {
            leases.remove(key);
            if leases.is_empty() {
                self.0.remove(&process);
            }
        }
    }

    pub(super) fn processes(&self) -> impl Iterator<Item = Owner> {
        self.0.keys().copied()
    }

    pub(super) fn of(&self, process: Owner) -> impl Iterator<Item = &LeaseKey> {
        self.0.get(&process).into_iter().flatten()
    }
}

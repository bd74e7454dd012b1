//! What the daemon keeps open for its leases: a claim for each port, a hold
//! where one is asked for, and an eye on each owner. Each takes an open file,
//! of which some are left for answering.

use std::collections::{HashMap, HashSet};

use portlease_proto::Port;

use super::{Edges, Error};
use crate::{
    owners::OwnerError,
    registry::Owner,
    sockets::{Claim, ClaimError, Hold, HoldError},
};

/// Claims, holds and owners.
pub(super) struct Kept {
    claims: HashMap<Port, Claim>,
    holds: HashMap<Port, Hold>,
    /// Where a hold is wanted and something is in the way of it.
    waiting: HashSet<Port>,
    owners: HashSet<Owner>,
    most: usize,
}

impl Kept {
    /// Nothing yet, and at most so many.
    pub(super) fn new(most: usize) -> Self {
        Self {
            claims: HashMap::new(),
            holds: HashMap::new(),
            waiting: HashSet::new(),
            owners: HashSet::new(),
            most,
        }
    }

    fn is_full(&self) -> bool {
        self.files() >= self.most
    }

    /// How many files it has open.
    pub(super) fn files(&self) -> usize {
        self.claims.len() + self.holds.len() + self.owners.len()
    }

    /// Claims a port, unless it is claimed already; whether it was not.
    pub(super) fn claim(&mut self, edges: &Edges, port: Port) -> Result<bool, ClaimError> {
        if self.claims.contains_key(&port) {
            return Ok(false);
        }
        if self.is_full() {
            return Err(ClaimError::TooManyFiles);
        }
        self.claims.insert(port, edges.sockets.claim(port)?);
        Ok(true)
    }

    pub(super) fn is_claimed(&self, port: Port) -> bool {
        self.claims.contains_key(&port)
    }

    /// Holds a port, unless it is held already.
    pub(super) fn hold(&mut self, edges: &Edges, port: Port) -> Result<(), HoldError> {
        if self.holds.contains_key(&port) {
            return Ok(());
        }
        if self.is_full() {
            return Err(HoldError::TooManyFiles);
        }
        self.holds.insert(port, edges.sockets.hold(port)?);
        Ok(())
    }

    /// Holds a port as soon as nothing is in the way of it. A closed connection
    /// can be that for a minute, and its end is no news to anybody.
    pub(super) fn hold_when_free(&mut self, edges: &Edges, port: Port) {
        match self.hold(edges, port) {
            Ok(()) => self.waiting.remove(&port),
            Err(_later) => self.waiting.insert(port),
        };
    }

    /// The ports that wait for a hold.
    pub(super) fn waiting(&self) -> Vec<Port> {
        self.waiting.iter().copied().collect()
    }

    /// Ends a hold; the claim stays.
    pub(super) fn unhold(&mut self, port: Port) {
        self.holds.remove(&port);
        self.waiting.remove(&port);
    }

    /// Whether a socket is one of ours.
    pub(super) fn is_hold(&self, port: Port, inode: u64) -> bool {
        inode != 0 && self.holds.get(&port).and_then(Hold::inode) == Some(inode)
    }

    /// Keeps nothing of that port any longer.
    pub(super) fn let_go(&mut self, port: Port) {
        self.claims.remove(&port);
        self.unhold(port);
    }

    /// Keeps an eye on an owner.
    pub(super) fn watch(&mut self, edges: &Edges, owner: Owner) -> Result<(), OwnerError> {
        if self.owners.contains(&owner) {
            return Ok(());
        }
        if self.is_full() {
            return Err(OwnerError::TooManyFiles);
        }
        edges.owners.watch(owner)?;
        self.owners.insert(owner);
        Ok(())
    }

    pub(super) fn has_owners(&self) -> bool {
        !self.owners.is_empty()
    }

    /// How many owners are watched.
    pub(super) fn owners(&self) -> usize {
        self.owners.len()
    }

    pub(super) fn unwatch(&mut self, edges: &Edges, owner: Owner) {
        if self.owners.remove(&owner) {
            edges.owners.unwatch(owner);
        }
    }

    #[cfg(test)]
    pub(super) fn is_held(&self, port: Port) -> bool {
        self.holds.contains_key(&port)
    }

    #[cfg(test)]
    pub(super) fn claimed(&self) -> Vec<Port> {
        let mut ports: Vec<Port> = self.claims.keys().copied().collect();
        ports.sort_unstable();
        ports
    }
}

/// A pid that was given for a run and is none.
pub(super) fn bad_run(pid: u32, error: OwnerError) -> Error {
    match error {
        OwnerError::TooManyFiles => Error::TooManyFiles,
        why => Error::BadRun { pid, why },
    }
}

/// A pid that was given for an owner and is none.
pub(super) fn bad_owner(pid: u32, error: OwnerError) -> Error {
    match error {
        OwnerError::TooManyFiles => Error::TooManyFiles,
        why => Error::BadOwner { pid, why },
    }
}

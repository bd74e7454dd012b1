//! Leases whose root is gone: for how long, and their end.

use std::{fs, io::ErrorKind};

use portlease_proto::{EventKind, GcReport, GcRequest, Lease, LeaseState, Waiting};

use super::{Error, Manager};
use crate::registry::LeaseKey;

impl Manager {
    /// Looks whether the roots of leases are there, and notes which are gone.
    /// Looks at a directory each, which may lie on a slow disk.
    ///
    /// # Errors
    /// [`Error::Store`]: it is noted at the next look.
    pub fn look_for_roots(&self) -> Result<(), Error> {
        let roots: Vec<String> = self.lock().registry.roots().map(str::to_owned).collect();
        let gone: Vec<String> = roots.into_iter().filter(|root| is_gone(root)).collect();
        let now = self.edges.clock.now();
        let mut inner = self.lock();
        let changes = inner.registry.looked_for(&gone, now);
        if !changes.is_empty() {
            inner.commit(&self.edges, &changes, Vec::new())?;
        }
        Ok(())
    }

    /// Ends the leases whose root is gone for longer than the grace, and on
    /// whose port no app of their own is. May walk all processes.
    ///
    /// # Errors
    /// [`Error::Sockets`]; [`Error::Store`], and then none has ended.
    pub fn gc(&self, request: GcRequest) -> Result<GcReport, Error> {
        self.look_for_roots()?;
        let mut report = GcReport { dry_run: request.dry_run, leases: Vec::new(), waiting: Vec::new() };
        let mut leases = self.list(None)?;
        leases.retain(|lease| lease.state == LeaseState::Stale);
        let now = self.edges.clock.now();
        let mut inner = self.lock();
        let mut keys: Vec<LeaseKey> = Vec::new();
        for lease in leases {
            let key = LeaseKey { project: lease.project.clone(), service: lease.service.clone() };
            // It may be another one by now, at home elsewhere, or about to be bound.
            let is_same = |lease: &Lease| {
                let record = inner.registry.find(&key)?;
                (record.id == lease.id && record.root == lease.root && record.run.is_none()).then_some(())
            };
            let absence = lease.root.as_deref().and_then(|root| inner.registry.absence(root));
            let Some((absence, ())) = absence.zip(is_same(&lease)) else { continue };
            let left = absence.left(now);
            if left.is_zero() {
                keys.push(key);
                report.leases.push(lease);
            } else {
                // Not 0, which would be now.
                let left_s = left.as_secs() + u64::from(left.subsec_nanos() > 0);
                report.waiting.push(Waiting { lease, left_s });
            }
        }
        if !request.dry_run && !keys.is_empty() {
            inner.end(&self.edges, &keys, EventKind::Expired, now)?;
        }
        Ok(report)
    }
}

/// Whether it is known to be gone: what cannot be looked at is not.
fn is_gone(root: &str) -> bool {
    match fs::metadata(root) {
        Ok(metadata) => !metadata.is_dir(),
        Err(error) => matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
    }
}

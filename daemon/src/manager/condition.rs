//! How the registry, the pool and the edges are: what the doctor judges of the
//! machine.

use std::{path::Path, time::SystemTime};

use portlease_proto::{API_PORT, PortRange, Protocol};

use super::{Error, Manager};
use crate::{allocator::KernelRanges, registry::LeaseKey, store::StoreError};

/// All that was found.
#[derive(Debug, Clone)]
pub struct Condition {
    /// The ranges of the pool.
    pub pool: Vec<PortRange>,
    /// What the kernel keeps for itself.
    pub kernel: KernelRanges,
    /// The ports of the pool.
    pub ports: PortCounts,
    /// Leases whose root is gone.
    pub gone: Vec<GoneRoot>,
    /// The wall clock.
    pub wall: SystemTime,
    /// When a lease was granted or renewed last, by the wall clock of then.
    pub renewed: Option<SystemTime>,
    /// Why the kernel does not tell of sockets.
    pub sockets: Option<String>,
    /// What is wrong with the saved registry.
    pub store: Option<String>,
    /// The open files that leases take, and the most that they may.
    pub files: (usize, usize),
}

/// The ports of the pool, each counted once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PortCounts {
    /// Never given.
    pub excluded: usize,
    /// Leased.
    pub leased: usize,
    /// The others.
    pub left: usize,
}

/// A lease whose root is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoneRoot {
    /// The lease.
    pub key: LeaseKey,
    /// Where its root was.
    pub root: String,
}

impl Manager {
    /// Looks at everything that leases stand on. Reads the whole registry on
    /// the disk, and looks at each root.
    pub fn condition(&self) -> Condition {
        let exclusions = self.exclusions();
        let settings = self.settings();
        let now = self.edges.clock.now();
        let (files, renewed, rooted, leased) = {
            let mut inner = self.lock();
            inner.sweep(&self.edges, now);
            let records = || inner.registry.all();
            let rooted: Vec<GoneRoot> = records()
                .filter(|record| record.run.is_none())
                .filter_map(|record| Some(GoneRoot { key: record.key.clone(), root: record.root.clone()? }))
                .collect();
            let leased: Vec<_> = records().map(|record| record.port).collect();
            (inner.kept.files(), records().map(|record| record.renewed_at).max(), rooted, leased)
        };
        let leased: std::collections::HashSet<_> = leased.into_iter().collect();
        let mut ports = PortCounts::default();
        for port in settings.pool.ranges().iter().flat_map(|range| range.ports()) {
            match () {
                () if leased.contains(&port) => ports.leased += 1,
                () if exclusions.why(port, Protocol::Both).is_some() => ports.excluded += 1,
                () => ports.left += 1,
            }
        }
        Condition {
            pool: settings.pool.ranges().to_vec(),
            kernel: exclusions.kernel,
            ports,
            gone: rooted.into_iter().filter(|lease| !Path::new(&lease.root).is_dir()).collect(),
            wall: now.wall,
            renewed,
            sockets: self.edges.sockets.look_up(API_PORT, Protocol::Both).err().map(|error| told(&error)),
            store: self.store_trouble(),
            files: (files, settings.files),
        }
    }

    fn store_trouble(&self) -> Option<String> {
        let mut inner = self.lock();
        let checked = match inner.store.check() {
            // The next commit writes it anew, so this one does.
            Err(StoreError::Gone) => inner.rewrite(),
            checked => checked,
        };
        match checked.and_then(|()| inner.store.verify()) {
            Ok(trouble) => trouble,
            Err(error) => Some(told(&Error::Store(error))),
        }
    }
}

/// An error with its causes, each once.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(&format!(": {cause_text}"));
        }
        source = cause.source();
    }
    text
}

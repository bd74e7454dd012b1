//! Pools on which others are. The probe alone says that a port is free; that
//! many are not, a table says in one reading.

use std::{sync::Arc, time::Duration};

use portlease_proto::{Port, Protocol};

use super::Edges;
use crate::{clock::Now, registry::PortSet};

/// How many ports in use are met one by one. To claim and probe that many takes
/// about as long as the table.
const FEW: usize = 32;
/// How old a table may be: a port that was left meanwhile is passed over.
const FRESH: Duration = Duration::from_millis(30);

/// The last table: when it was read, for which protocol, and who is where.
pub(super) type LastTable = Option<(Duration, Protocol, Arc<PortSet>)>;

/// The ports that were found in use on one walk through the pool.
pub(super) struct Crowd {
    met: usize,
    protocol: Protocol,
    table: Option<Arc<PortSet>>,
}

impl Crowd {
    /// On a walk that begins now.
    pub(super) fn new(last: &LastTable, protocol: Protocol, now: Now) -> Self {
        let is_fresh =
            |read: &Duration, of: &Protocol| *of == protocol && now.boot.saturating_sub(*read) < FRESH;
        let table = last.as_ref().filter(|(read, of, _)| is_fresh(read, of)).map(|(.., table)| table.clone());
        Self { met: 0, protocol, table }
    }

    /// Another port was found in use. After a few of them the table is read; if
    /// that fails, each port is asked for as before.
    pub(super) fn meet(&mut self, edges: &Edges, last: &mut LastTable) {
        self.met += 1;
        if self.met != FEW {
            return;
        }
        let Ok(rows) = edges.sockets.serving() else { return };
        let here = rows.iter().filter(|row| row.is_covered_by(self.protocol));
        let table: Arc<PortSet> = Arc::new(here.map(|row| row.port).collect());
        *last = Some((edges.clock.now().boot, self.protocol, table.clone()));
        self.table = Some(table);
    }

    /// Whether the table shows a socket on the port.
    pub(super) fn is_on(&self, port: Port) -> bool {
        self.table.as_ref().is_some_and(|table| table.contains(port))
    }
}

//! Two foreign protocols that test suites speak, served from the same leases:
//! that of google/python_portpicker, and that of gRPC's port server. Nothing
//! here decides which port is given.

mod address;
mod client;
mod counts;
mod grpc;
mod listen;
mod picker;
mod places;
pub mod portserver;
mod request;

use std::{collections::BTreeMap, io, sync::Arc};

use portlease_proto::{Lease, Port};

pub use address::{Address, InvalidAddress};
pub use counts::Counts;

use crate::{
    manager::{Edges, Error, Granted, Manager},
    metrics::Metrics,
};
use listen::Listeners;

/// The port of gRPC's port server, which its C++ client has compiled in.
pub const GRPC_PORT: Port = Port::constant(32766);
/// What a lease is labelled with, and by which protocol it was asked for.
const VIA: &str = "via";
/// The lowest port that gRPC's clients take for one.
const GRPC_LOWEST: u16 = 1025;

/// What is to be served, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The addresses of the portpicker protocol.
    pub portpicker: Vec<Address>,
    /// The port of gRPC's protocol.
    pub grpc: Option<Port>,
}

impl Wanted {
    /// Whether nothing is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.portpicker.is_empty() && self.grpc.is_none()
    }

    /// Each place by itself.
    #[must_use]
    pub fn each(&self) -> Vec<Self> {
        let picker = |address: &Address| Self { portpicker: vec![address.clone()], grpc: None };
        let grpc = self.grpc.map(|port| Self { portpicker: Vec::new(), grpc: Some(port) });
        self.portpicker.iter().map(picker).chain(grpc).collect()
    }

    /// All that either of them names, once.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.portpicker.extend(other.portpicker);
        let all = std::mem::take(&mut self.portpicker);
        for address in all {
            if !self.portpicker.contains(&address) {
                self.portpicker.push(address);
            }
        }
        self.grpc = self.grpc.or(other.grpc);
        self
    }
}

/// A place that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum CompatError {
    /// Somebody serves there.
    #[error("{address} is taken: another server is there")]
    Taken {
        /// Where.
        address: String,
    },
    /// Something is in its place that is no socket of ours to replace.
    #[error("{address} cannot be served: a file that is no socket is in its place")]
    NoSocket {
        /// Where.
        address: String,
    },
    /// The system refuses.
    #[error("{address} cannot be served")]
    Io {
        /// Where.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// gRPC's clients refuse low ports.
    #[error("the pool has ports below {GRPC_LOWEST}, which clients of gRPC's port server refuse")]
    LowPool,
}

/// What both protocols work with.
#[derive(Clone)]
pub struct Desk {
    manager: Arc<Manager>,
    edges: Edges,
    metrics: Arc<Metrics>,
    counts: Arc<Counts>,
    connections: usize,
}

impl Desk {
    /// For at most so many connections at each place.
    #[must_use]
    pub fn new(manager: Arc<Manager>, edges: Edges, metrics: Arc<Metrics>, connections: usize) -> Self {
        Self { manager, edges, metrics, counts: Arc::default(), connections }
    }

    /// What portpicker's clients asked for so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The statistics that clients of the original look for, a line each.
    #[must_use]
    pub fn statistics(&self) -> [String; 5] {
        self.counts.lines(self.manager.pool().len(), self.manager.last_considered())
    }

    /// The lease that was granted; why there is none goes to the log.
    fn given(&self, via: &'static str, granted: Result<Option<Vec<Granted>>, Error>) -> Option<Lease> {
        match granted {
            Ok(granted) => {
                let granted = granted.unwrap_or_default();
                self.metrics.granted(&granted);
                granted.into_iter().next().map(|granted| granted.lease)
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
                tracing::debug!("{via}: {error}{}", cause.unwrap_or_default());
                None
            }
        }
    }
}

/// What serves; it ends when this is dropped.
pub struct Serving {
    listeners: Vec<Listeners>,
    grpc: Option<grpc::Quit>,
}

impl Serving {
    /// Listens at all the places that are wanted, or at none. Must be called
    /// within a tokio runtime.
    ///
    /// # Errors
    /// [`CompatError`].
    pub fn start(desk: &Desk, wanted: &Wanted) -> Result<Self, CompatError> {
        let mut serving = Self { listeners: Vec::new(), grpc: None };
        for address in &wanted.portpicker {
            serving.listeners.push(picker::serve(desk, address)?);
        }
        if let Some(port) = wanted.grpc {
            let lowest = desk.manager.pool().ranges().iter().map(|range| range.first().get()).min();
            if lowest.is_some_and(|lowest| lowest < GRPC_LOWEST) {
                return Err(CompatError::LowPool);
            }
            let (listeners, quit) = grpc::serve(desk, port)?;
            serving.listeners.push(listeners);
            serving.grpc = Some(quit);
        }
        Ok(serving)
    }

    /// Returns when a client of gRPC's protocol has told that endpoint to end.
    pub async fn quit(&mut self) {
        match &mut self.grpc {
            Some(quit) => quit.wait().await,
            None => std::future::pending().await,
        }
    }
}

fn label(via: &str) -> Option<BTreeMap<String, String>> {
    Some([(VIA.to_owned(), via.to_owned())].into())
}

/// For `fuzz/`: a request of portpicker's, whole or cut, and an address.
#[cfg(fuzzing)]
pub(crate) fn fuzz(bytes: &[u8]) -> Option<u32> {
    let _whole = request::is_whole(bytes);
    if let Ok(address) = String::from_utf8_lossy(bytes).parse::<Address>() {
        assert_eq!(address.to_string().parse::<Address>().ok().as_ref(), Some(&address));
    }
    match request::parse(bytes) {
        request::Asked::For(pid) => Some(pid),
        request::Asked::ForNobody | request::Asked::Garbage => None,
    }
}

//! Edges that are measured: what goes through is not changed.

use std::{net::SocketAddr, sync::Arc};

use portlease_proto::{Port, Protocol};
use prometheus::Histogram;

use crate::{
    allocator::KernelRanges,
    clock::Stopwatch,
    registry::{Change, Registry},
    sockets::{
        Claim, ClaimError, Hold, HoldError, Leftovers, Peer, SocketDetail, SocketError, SocketRow, Sockets,
        Verdict,
    },
    store::{Durability, Store, StoreError},
};

/// An edge, and where the time of its dearest call is noted.
#[derive(Debug, Clone)]
pub struct Measured<T> {
    edge: T,
    seconds: Histogram,
}

impl<T> Measured<T> {
    pub(super) fn new(edge: T, seconds: Histogram) -> Self {
        Self { edge, seconds }
    }
}

impl Sockets for Measured<Arc<dyn Sockets>> {
    fn probe(&self, port: Port, protocol: Protocol, leftovers: Leftovers) -> Result<Verdict, SocketError> {
        let time = Stopwatch::start();
        let verdict = self.edge.probe(port, protocol, leftovers);
        self.seconds.observe(time.elapsed().as_secs_f64());
        verdict
    }

    fn look_up(&self, port: Port, protocol: Protocol) -> Result<Vec<SocketRow>, SocketError> {
        self.edge.look_up(port, protocol)
    }

    fn connected(&self, local: SocketAddr, remote: SocketAddr) -> Result<Option<Peer>, SocketError> {
        self.edge.connected(local, remote)
    }

    fn on_port(&self, port: Port) -> Result<Vec<SocketRow>, SocketError> {
        self.edge.on_port(port)
    }

    fn in_detail(&self, port: Port) -> Result<Vec<SocketDetail>, SocketError> {
        self.edge.in_detail(port)
    }

    fn serving_on(&self, port: Port) -> Result<Vec<SocketDetail>, SocketError> {
        self.edge.serving_on(port)
    }

    fn listeners(&self) -> Result<Vec<SocketDetail>, SocketError> {
        self.edge.listeners()
    }

    fn claim(&self, port: Port) -> Result<Claim, ClaimError> {
        self.edge.claim(port)
    }

    fn listening(&self) -> Result<Vec<SocketRow>, SocketError> {
        self.edge.listening()
    }

    fn serving(&self) -> Result<Vec<SocketRow>, SocketError> {
        self.edge.serving()
    }

    fn hold(&self, port: Port) -> Result<Hold, HoldError> {
        self.edge.hold(port)
    }

    fn kernel_ranges(&self) -> KernelRanges {
        self.edge.kernel_ranges()
    }
}

impl Store for Measured<Box<dyn Store>> {
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let time = Stopwatch::start();
        let committed = self.edge.commit(changes);
        self.seconds.observe(time.elapsed().as_secs_f64());
        committed
    }

    fn rewrite(&mut self, registry: &Registry) -> Result<(), StoreError> {
        self.edge.rewrite(registry)
    }

    fn in_place(&self) -> bool {
        self.edge.in_place()
    }

    fn check(&mut self) -> Result<(), StoreError> {
        self.edge.check()
    }

    fn verify(&mut self) -> Result<Option<String>, StoreError> {
        self.edge.verify()
    }

    fn set_durability(&mut self, durability: Durability) -> Result<(), StoreError> {
        self.edge.set_durability(durability)
    }
}

//! The servers that are asked, as they stand during all rounds.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result};

use super::{Amount, EXISTING, LISTED, ask, lane::Lane};
use crate::{
    peers::Peers,
    place::Place,
    portauth::PortAuth,
    seats::Seats,
    servers::{Daemon, Hello},
    wire,
};

/// Room for all that is leased at once, below where the kernel gives ports.
const POOL: &str = "10000-31999";
const POOL_OF_PORTAUTH: (u16, u16) = (5000, 7999);

pub(super) struct Stand {
    pub(super) hello: Hello,
    pub(super) daemon: Daemon,
    pub(super) portauth: Option<PortAuth>,
    pub(super) each: usize,
    /// Held by this process for the look-ups.
    pub(super) held: TcpListener,
    pub(super) free: u16,
}

impl Stand {
    pub(super) fn build(peers: &Peers, amount: &Amount) -> Result<Self> {
        let (hello, daemon) = (Hello::start()?, Daemon::start(peers, POOL)?);
        let portauth = match &peers.portauth {
            Some(programs) => Some(PortAuth::start(programs, POOL_OF_PORTAUTH)?),
            None => None,
        };
        let unix = daemon.unix.clone();
        let put = |path: &str| wire::http(&unix, "PUT", path, Some("{}"), true);
        let mut leases: Vec<Vec<u8>> =
            (1..LISTED).map(|index| put(&format!("/v1/leases/listed-{index}/web"))).collect();
        leases.push(put(EXISTING));
        let granted = ask(&unix, &leases, 1, 201, LISTED)?;
        let lease: serde_json::Value = serde_json::from_slice(granted.bodies.last().context("no lease")?)?;
        let free = u16::try_from(lease["port"].as_u64().context("a lease without a port")?)? + 1;
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        Ok(Self { hello, daemon, portauth, each: amount.each, held, free })
    }

    /// All servers where the client is.
    pub(super) fn seats(&self) -> Result<Seats> {
        let portauth = self.portauth.as_ref().map(PortAuth::pid);
        Seats::take([self.hello.pid(), self.daemon.pid()].into_iter().chain(portauth))
    }

    pub(super) fn ours(&self, lane: Lane) -> &Place {
        if lane.tcp { &self.daemon.tcp } else { &self.daemon.unix }
    }

    pub(super) fn ceiling(&self, lane: Lane) -> &Place {
        if lane.tcp { &self.hello.tcp } else { &self.hello.unix }
    }
}

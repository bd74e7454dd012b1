//! The two packets that a connection begins with, and whether a part of a rule
//! is about them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A packet of TCP from this machine to itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet {
    pub(super) from: IpAddr,
    pub(super) to: IpAddr,
    /// None for the client's port, which is any.
    pub(super) source_port: Option<u16>,
    pub(super) destination_port: Option<u16>,
    /// Whether it is the answer.
    pub(super) is_reply: bool,
}

/// Whether a rule, or a part of it, applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Applies {
    No,
    /// It asks for something that we do not know.
    Perhaps,
    Yes,
}

impl From<bool> for Applies {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

impl Applies {
    pub(super) fn but(self, negated: bool) -> Self {
        match self {
            Self::Perhaps => self,
            sure => Self::from((sure == Self::Yes) != negated),
        }
    }
}

impl Packet {
    /// What the client sends first, and what it gets back.
    pub(super) fn both(address: SocketAddr) -> [Self; 2] {
        let to = address.ip().to_canonical();
        // The kernel's choice (ip route get): 127.0.0.1 for all of 127/8.
        let from = if to.is_loopback() && to.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { to };
        let port = Some(address.port());
        let first = Self { from, to, source_port: None, destination_port: port, is_reply: false };
        let second = Self { from: to, to: from, source_port: port, destination_port: None, is_reply: true };
        [first, second]
    }

    /// Whether conntrack's word for it is among these.
    pub(super) fn has_state<'a>(&self, states: impl IntoIterator<Item = &'a str>) -> Applies {
        let own = if self.is_reply { "established" } else { "new" };
        Applies::from(states.into_iter().any(|state| state.eq_ignore_ascii_case(own)))
    }
}

/// Whether a port lies between these. The client's is any of those that the
/// kernel chooses from, if nobody told it to choose from others (ip(7)).
pub(super) fn port_within(port: Option<u16>, first: u64, last: u64) -> Applies {
    const CHOSEN: (u64, u64) = (32_768, 60_999);
    match port {
        Some(port) => (first..=last).contains(&u64::from(port)).into(),
        None if last < CHOSEN.0 || CHOSEN.1 < first => Applies::No,
        None if first <= CHOSEN.0 && CHOSEN.1 <= last => Applies::Yes,
        None => Applies::Perhaps,
    }
}

/// Whether an address is `network/bits`, in the words of rules.
pub(super) fn address_within(address: IpAddr, network: &str) -> Applies {
    let (network, bits) = network.split_once('/').map_or((network, None), |(net, bits)| (net, Some(bits)));
    let Ok(network) = network.parse::<IpAddr>() else { return Applies::Perhaps };
    let width = if network.is_ipv4() { 32 } else { 128 };
    let Ok(bits) = bits.map_or(Ok(width), str::parse::<u32>) else { return Applies::Perhaps };
    let number = |address: IpAddr| match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    let low = width.saturating_sub(bits);
    let equal = low >= 128 || (number(address) ^ number(network)) >> low == 0;
    (address.is_ipv4() == network.is_ipv4() && equal).into()
}

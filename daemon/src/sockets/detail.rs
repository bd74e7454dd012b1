//! A socket with all that the system tells of it, for explaining; deciding
//! needs no more than a [`SocketRow`].

use std::net::{IpAddr, SocketAddr};

use portlease_proto::{Queue, SocketState};

use super::SocketRow;

/// One socket, in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketDetail {
    /// Where it is, whose it is, and what it keeps others from.
    pub row: SocketRow,
    /// What it does, in more words than [`SocketRow::state`].
    pub state: SocketState,
    /// The other end, where there is one.
    pub remote: Option<SocketAddr>,
    /// Whether an IPv6 socket takes IPv4, too; none where that is not known or
    /// does not apply.
    pub dual_stack: Option<bool>,
    /// Connections that wait, of a TCP listener.
    pub queue: Option<Queue>,
}

impl SocketDetail {
    /// What a table that knows no more than rows can tell.
    #[must_use]
    pub fn of(row: SocketRow) -> Self {
        let state = match row.state {
            super::SocketState::Listening => SocketState::Listening,
            super::SocketState::BoundOnly => SocketState::Bound,
            super::SocketState::Connected => SocketState::Connected,
            super::SocketState::Leftover => SocketState::TimeWait,
        };
        Self { row, state, remote: None, dual_stack: None, queue: None }
    }

    /// Whether it takes connections or datagrams from other machines.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        self.state == SocketState::Listening && !is_loopback(self.row.address)
    }
}

/// Whether only this machine reaches the address.
#[must_use]
pub fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_this_machine_reaches() {
        for (address, loopback) in [
            ("127.0.0.1", true),
            ("127.9.8.7", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("0.0.0.0", false),
            ("::", false),
            ("::ffff:0.0.0.0", false),
            ("192.168.1.5", false),
            ("169.254.1.1", false),
            ("fe80::1", false),
            ("::127.0.0.1", false),
        ] {
            assert_eq!(is_loopback(address.parse().unwrap()), loopback, "{address}");
        }
    }
}

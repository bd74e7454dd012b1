//! Whether a listing of the machine's sockets is whole: it must show sockets
//! that are opened for it to find. A query that failed looks like a machine on
//! which every port is free.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket},
};

use super::{SocketError, SocketRow, Transport};

/// What `read` finds, if it shows the sockets that are opened for it to find.
pub(super) fn witnessed<T>(
    read: impl FnOnce() -> Result<Vec<T>, SocketError>,
    row: impl Fn(&T) -> &SocketRow,
) -> Result<Vec<T>, SocketError> {
    let witnesses = Witnesses::open()?;
    let mut table = read()?;
    witnesses.check(table.iter().map(&row))?;
    table.retain(|entry| !witnesses.holds(row(entry)));
    Ok(table)
}

/// Sockets of ours that a whole table must show.
struct Witnesses {
    expected: Vec<(Transport, SocketAddr, &'static str)>,
    /// Open for as long as the table is read.
    open: Vec<(TcpListener, UdpSocket)>,
}

impl Witnesses {
    fn open() -> Result<Self, SocketError> {
        let mut witnesses = Self { expected: Vec::new(), open: Vec::new() };
        witnesses
            .add(Ipv4Addr::LOCALHOST.into(), ["TCP", "UDP"])
            .map_err(|error| SocketError::call("open a socket to check the table by", error))?;
        // Without IPv6 there is no IPv6 table that could be cut short.
        let _no_ipv6 = witnesses.add(Ipv6Addr::LOCALHOST.into(), ["IPv6 TCP", "IPv6 UDP"]);
        Ok(witnesses)
    }

    fn add(&mut self, address: IpAddr, names: [&'static str; 2]) -> io::Result<()> {
        let (tcp, udp) = (TcpListener::bind((address, 0))?, UdpSocket::bind((address, 0))?);
        self.expected.push((Transport::Tcp, tcp.local_addr()?, names[0]));
        self.expected.push((Transport::Udp, udp.local_addr()?, names[1]));
        self.open.push((tcp, udp));
        Ok(())
    }

    fn check<'a>(&self, rows: impl Iterator<Item = &'a SocketRow> + Clone) -> Result<(), SocketError> {
        for expected in &self.expected {
            if !rows.clone().any(|row| is(row, expected)) {
                return Err(SocketError::NotWhole(expected.2));
            }
        }
        Ok(())
    }

    fn holds(&self, row: &SocketRow) -> bool {
        self.expected.iter().any(|expected| is(row, expected))
    }
}

fn is(row: &SocketRow, (transport, address, _): &(Transport, SocketAddr, &str)) -> bool {
    row.transport == *transport && row.address == address.ip() && row.port.get() == address.port()
}

#[cfg(test)]
mod tests {
    use portlease_proto::Port;

    use super::*;
    use crate::sockets::SocketState;

    #[test]
    fn a_table_cut_short_is_an_error() {
        let witnesses = Witnesses::open().unwrap();
        assert!(matches!(witnesses.check([].iter()), Err(SocketError::NotWhole("TCP"))));
        let all: Vec<SocketRow> = witnesses
            .expected
            .iter()
            .map(|(transport, address, _)| SocketRow {
                transport: *transport,
                address: address.ip(),
                port: Port::new(address.port()).unwrap(),
                state: SocketState::Listening,
                uid: None,
                inode: 0,
                pid: None,
            })
            .collect();
        assert!(witnesses.check(all.iter()).is_ok());
        for missing in 0..all.len() {
            let mut rows = all.clone();
            rows.remove(missing);
            assert!(witnesses.check(rows.iter()).is_err(), "without {:?}", all[missing]);
        }
    }
}

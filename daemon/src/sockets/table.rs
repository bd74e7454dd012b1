//! The machine's listeners, through netstat2: for listings and for naming
//! holders, never for deciding what is free.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket},
};

use netstat2::{
    AddressFamilyFlags, ProtocolFlags, ProtocolSocketInfo, SocketInfo, TcpState,
    iterate_sockets_info_without_pids,
};
use portlease_proto::Port;

use super::{SocketError, SocketRow, SocketState, Transport};

/// Every listener that netstat2 shows. It reports a failed netlink query as an
/// empty table, on which every port would look free; so the table must show
/// sockets of ours, one for each of its four parts, or it is an error.
pub(super) fn listeners() -> Result<Vec<SocketRow>, SocketError> {
    witnessed(read, |row| row)
}

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

fn read() -> Result<Vec<SocketRow>, SocketError> {
    let families = AddressFamilyFlags::IPV4 | AddressFamilyFlags::IPV6;
    let sockets = iterate_sockets_info_without_pids(families, ProtocolFlags::TCP | ProtocolFlags::UDP)
        .map_err(|error| SocketError::call("read the socket table", io::Error::other(error)))?;
    let mut rows = Vec::new();
    for socket in sockets {
        let socket =
            socket.map_err(|error| SocketError::call("read the socket table", io::Error::other(error)))?;
        rows.extend(row(&socket));
    }
    Ok(rows)
}

/// A row for a listener; none for anything else.
fn row(socket: &SocketInfo) -> Option<SocketRow> {
    let transport = match &socket.protocol_socket_info {
        ProtocolSocketInfo::Tcp(tcp) if tcp.state == TcpState::Listen => Transport::Tcp,
        ProtocolSocketInfo::Tcp(_) => return None,
        ProtocolSocketInfo::Udp(_) => Transport::Udp,
    };
    Some(SocketRow {
        transport,
        address: socket.local_addr(),
        port: Port::new(socket.local_port())?,
        state: SocketState::Listening,
        #[cfg(target_os = "linux")]
        uid: Some(socket.uid),
        #[cfg(not(target_os = "linux"))]
        uid: None,
        #[cfg(target_os = "linux")]
        inode: u64::from(socket.inode),
        #[cfg(not(target_os = "linux"))]
        inode: 0,
        pid: socket.associated_pids.first().copied(),
    })
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
    use super::*;

    #[test]
    fn the_real_table_shows_a_real_listener_and_not_our_witnesses() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let rows = listeners().unwrap();
        assert!(rows.iter().any(|row| row.port.get() == port && row.transport == Transport::Tcp));
    }

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

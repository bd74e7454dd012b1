//! The machine's listeners through netstat2, where there is no sock_diag: for
//! listings and for naming holders, never for deciding what is free.

use std::io;

use netstat2::{
    AddressFamilyFlags, ProtocolFlags, ProtocolSocketInfo, SocketInfo, TcpState,
    iterate_sockets_info_without_pids,
};
use portlease_proto::Port;

use super::{SocketError, SocketRow, SocketState, Transport, witness::witnessed};

/// Every listener that netstat2 shows. It reports a query that failed as an
/// empty table.
pub(super) fn listeners() -> Result<Vec<SocketRow>, SocketError> {
    witnessed(read, |row| row)
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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_real_table_shows_a_real_listener_and_not_our_witnesses() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let rows = listeners().unwrap();
        assert!(rows.iter().any(|row| row.port.get() == port && row.transport == Transport::Tcp));
    }
}

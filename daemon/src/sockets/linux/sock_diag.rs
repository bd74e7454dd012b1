//! sock_diag over netlink: exact look-ups and dumps of the kernel's sockets.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    os::fd::OwnedFd,
};

use portlease_proto::Port;
use rustix::{
    buffer::spare_capacity,
    net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with},
};

use super::netlink::{Message, RawRow, States, dump_request, exact_request, messages, tcp_request};
use crate::sockets::{Peer, SocketError, SocketRow, Transport};

const ENOENT: i32 = 2;
/// More than the kernel puts into one datagram.
const DATAGRAM: usize = 64 * 1024;
/// More than one row takes.
const ROW: usize = 4096;

/// A netlink socket to ask with.
pub(super) struct SockDiag {
    fd: OwnedFd,
}

impl SockDiag {
    pub(super) fn open() -> Result<Self, SocketError> {
        let fd = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            Some(netlink::SOCK_DIAG),
        )
        .map_err(|errno| SocketError::call("open a sock_diag socket", errno))?;
        Ok(Self { fd })
    }

    /// The socket that would get a packet to `address`:`port`, if any.
    pub(super) fn look_up(
        &self,
        transport: Transport,
        address: IpAddr,
        port: Port,
    ) -> Result<Option<SocketRow>, SocketError> {
        let (local, anyone) = (SocketAddr::new(address, port.get()), SocketAddr::new(address, 0));
        Ok(self.exact(transport, local, anyone)?.and_then(|row| row.listing(transport)))
    }

    /// The socket at the `local` end of a TCP connection, if it is established
    /// and a process has it open. When there is no such connection the kernel
    /// names whoever listens on the port, so the answer's own ends are compared.
    pub(super) fn connected(
        &self,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Result<Option<Peer>, SocketError> {
        let row = self.exact(Transport::Tcp, local, remote)?;
        let row = row.filter(|row| row.local == local && row.remote == remote);
        let row = row.filter(|row| row.is_established() && row.inode != 0);
        Ok(row.map(|row| Peer { uid: row.uid, inode: row.inode }))
    }

    fn exact(
        &self,
        transport: Transport,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Result<Option<RawRow>, SocketError> {
        self.send(&exact_request(transport, local, remote))?;
        let mut buffer = Vec::with_capacity(ROW);
        self.receive(&mut buffer)?;
        match messages(&buffer)?.first() {
            Some(Message::Row(row)) => Ok(Some(*row)),
            Some(Message::Refused(ENOENT)) => Ok(None),
            Some(Message::Refused(errno)) => {
                Err(SocketError::call("look a socket up", io::Error::from_raw_os_error(*errno)))
            }
            Some(Message::Done | Message::Interrupted) | None => {
                Err(SocketError::Garbled("no row in an exact answer"))
            }
        }
    }

    /// Every socket in `states`, of one port or of all, as `form` makes of it.
    pub(super) fn dump<T>(
        &self,
        transports: &[Transport],
        port: Option<Port>,
        states: States,
        form: impl Fn(&RawRow, Transport) -> Option<T>,
    ) -> Result<Vec<T>, SocketError> {
        let mut rows = Vec::new();
        for transport in transports {
            for family in [AddressFamily::INET, AddressFamily::INET6] {
                let all = self.dump_whole(&dump_request(*transport, family, port, states))?;
                rows.extend(of_port(&all, port).filter_map(|row| form(row, *transport)));
            }
        }
        Ok(rows)
    }

    /// Every TCP socket in `states`, of one port or of all, as `form` makes of
    /// it: what [`SockDiag::dump`] gives, in half the time.
    pub(super) fn dump_tcp<T>(
        &self,
        port: Option<Port>,
        states: States,
        form: impl Fn(&RawRow, Transport) -> Option<T>,
    ) -> Result<Vec<T>, SocketError> {
        match self.dump_whole(&tcp_request(port, states)) {
            Ok(rows) => Ok(of_port(&rows, port).filter_map(|row| form(row, Transport::Tcp)).collect()),
            // What is left of an answer that makes no sense would be in the way.
            Err(error @ SocketError::Garbled(_)) => Err(error),
            // A kernel, or a sandbox, that does not know the older request.
            Err(_) => self.dump(&[Transport::Tcp], port, states, form),
        }
    }

    fn dump_whole(&self, request: &[u8]) -> Result<Vec<RawRow>, SocketError> {
        const ATTEMPTS: usize = 8;
        (0..ATTEMPTS)
            .find_map(|_| self.dump_once(request).transpose())
            .ok_or(SocketError::Garbled("the table changes faster than it can be read"))?
    }

    /// None when the table changed meanwhile.
    fn dump_once(&self, request: &[u8]) -> Result<Option<Vec<RawRow>>, SocketError> {
        self.send(request)?;
        let (mut rows, mut whole) = (Vec::new(), true);
        let mut buffer = Vec::with_capacity(DATAGRAM);
        loop {
            self.receive(&mut buffer)?;
            for message in messages(&buffer)? {
                match message {
                    Message::Row(row) => rows.push(row),
                    Message::Interrupted => whole = false,
                    Message::Done => return Ok(whole.then_some(rows)),
                    // IPv6 is not there, so nothing is on it.
                    Message::Refused(ENOENT) => return Ok(Some(rows)),
                    Message::Refused(errno) => {
                        let error = io::Error::from_raw_os_error(errno);
                        return Err(SocketError::call("dump the sockets", error));
                    }
                }
            }
        }
    }

    fn send(&self, request: &[u8]) -> Result<(), SocketError> {
        send(&self.fd, request, SendFlags::empty())
            .map(|_| ())
            .map_err(|errno| SocketError::call("ask sock_diag", errno))
    }

    /// One datagram, as far as there is room for it.
    fn receive(&self, buffer: &mut Vec<u8>) -> Result<(), SocketError> {
        buffer.clear();
        recv(&self.fd, spare_capacity(buffer), RecvFlags::empty())
            .map(|_| ())
            .map_err(|errno| SocketError::call("read sock_diag's answer", errno))
    }
}

/// The kernel's own filter passes every bound-only socket (seen on 6.18).
fn of_port(rows: &[RawRow], port: Option<Port>) -> impl Iterator<Item = &RawRow> {
    rows.iter().filter(move |row| port.is_none_or(|port| port.get() == row.local.port()))
}

//! sock_diag's messages as bytes. Pure. Wire format: `linux/netlink.h`,
//! `linux/inet_diag.h`, sock_diag(7).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use portlease_proto::{Port, Queue, SocketState as State};
use rustix::net::AddressFamily;

use crate::sockets::{SocketDetail, SocketError, SocketRow, SocketState, Transport};

/// A set of TCP states, as bits.
pub(super) type States = u32;
/// Every state, bound-but-not-listening (bit 13, kernel 6.8) among them.
pub(super) const ALL_STATES: States = u32::MAX;
/// Bound and neither listening nor connected.
pub(super) const BOUND_ONLY: States = 1 << BOUND_INACTIVE;
/// What can keep a server from a port: listening or bound.
pub(super) const SERVING: States = BOUND_ONLY | LISTENING;
/// Listening alone.
pub(super) const LISTENING: States = 1 << LISTEN;

/// `net/tcp_states.h`.
const ESTABLISHED: u8 = 1;
const SYN_SENT: u8 = 2;
const SYN_RECV: u8 = 3;
const TIME_WAIT: u8 = 6;
const CLOSE: u8 = 7;
const CLOSE_WAIT: u8 = 8;
const LISTEN: u8 = 10;
const NEW_SYN_RECV: u8 = 12;
const BOUND_INACTIVE: u8 = 13;

/// `INET_DIAG_SKV6ONLY`: one byte, of IPv6 sockets that listen or are in CLOSE.
const SKV6ONLY: u16 = 11;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// The older request for TCP alone, which knows of no families.
const TCPDIAG_GETSOCK: u16 = 18;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_DUMP: u16 = 0x300;
/// The table changed while it was read: rows may be missing.
const NLM_F_DUMP_INTR: u16 = 0x10;

const HEADER: usize = 16;
/// The header and `struct inet_diag_req_v2`.
const REQUEST: usize = HEADER + 56;
/// Where `struct inet_diag_sockid` begins in a request: two ports, two addresses
/// of 16 bytes, the interface, the cookie.
const ID: usize = HEADER + 8;
/// `struct inet_diag_msg` without what may follow it.
const ROW: usize = 72;

/// The header and `struct inet_diag_req`.
const OLD_REQUEST: usize = HEADER + 60;
/// Where its id begins: behind four bytes.
const OLD_ID: usize = HEADER + 4;
/// Where its states are: behind the id.
const OLD_STATES: usize = HEADER + 52;

/// A request, ready to send.
pub(super) type Request = [u8; REQUEST];

/// One socket as the kernel describes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RawRow {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) uid: u32,
    pub(super) inode: u64,
    state: u8,
    /// Of a listener: how many connections wait, and how many may.
    queue: Queue,
    v6only: Option<bool>,
}

impl RawRow {
    /// As a row of the socket table; none without a local port.
    pub(super) fn listing(&self, transport: Transport) -> Option<SocketRow> {
        Some(SocketRow {
            transport,
            address: self.local.ip(),
            port: Port::new(self.local.port())?,
            state: self.listing_state(transport),
            uid: Some(self.uid),
            inode: self.inode,
            pid: None,
        })
    }

    /// A UDP socket has its port in any state; in CLOSE a TCP socket that has a
    /// port is bound and no more.
    fn listing_state(&self, transport: Transport) -> SocketState {
        match (transport, self.state) {
            (Transport::Udp, _) | (Transport::Tcp, LISTEN) => SocketState::Listening,
            (Transport::Tcp, CLOSE | BOUND_INACTIVE) => SocketState::BoundOnly,
            (Transport::Tcp, _) if self.inode == 0 => SocketState::Leftover,
            (Transport::Tcp, _) => SocketState::Connected,
        }
    }

    /// In full; none without a local port.
    pub(super) fn detail(&self, transport: Transport) -> Option<SocketDetail> {
        let state = match (transport, self.state) {
            (Transport::Udp, ESTABLISHED) => State::Connected,
            (Transport::Udp, _) | (Transport::Tcp, LISTEN) => State::Listening,
            (Transport::Tcp, CLOSE | BOUND_INACTIVE) => State::Bound,
            (Transport::Tcp, SYN_SENT | SYN_RECV | NEW_SYN_RECV) => State::Connecting,
            (Transport::Tcp, ESTABLISHED) => State::Connected,
            (Transport::Tcp, CLOSE_WAIT) => State::CloseWait,
            (Transport::Tcp, TIME_WAIT) => State::TimeWait,
            (Transport::Tcp, _) => State::Closing,
        };
        Some(SocketDetail {
            row: self.listing(transport)?,
            state,
            remote: (self.remote.port() != 0).then_some(self.remote),
            dual_stack: self.v6only.filter(|_| self.local.ip().is_unspecified()).map(|v6only| !v6only),
            queue: (transport == Transport::Tcp && self.state == LISTEN).then_some(self.queue),
        })
    }

    pub(super) fn is_established(&self) -> bool {
        self.state == ESTABLISHED
    }
}

/// "Who would get this packet?" For TCP the local end is the source of the
/// request, for UDP it is the destination (`udp_dump_one`: "src and dst are
/// swapped for historical reasons").
pub(super) fn exact_request(transport: Transport, local: SocketAddr, remote: SocketAddr) -> Request {
    let mut request = request(NLM_F_REQUEST, transport, family(local.ip()), ALL_STATES);
    let (source, destination) = match transport {
        Transport::Tcp => (local, remote),
        Transport::Udp => (remote, local),
    };
    let id = &mut request[ID..];
    id[0..2].copy_from_slice(&source.port().to_be_bytes());
    id[2..4].copy_from_slice(&destination.port().to_be_bytes());
    write_address(&mut id[4..20], source.ip());
    write_address(&mut id[20..36], destination.ip());
    id[40..48].fill(0xff); // INET_DIAG_NOCOOKIE
    request
}

/// The kernel itself leaves out most sockets of other ports than the source port.
pub(super) fn dump_request(
    transport: Transport,
    family: AddressFamily,
    port: Option<Port>,
    states: States,
) -> Request {
    let mut request = request(NLM_F_REQUEST | NLM_F_DUMP, transport, family, states);
    if let Some(port) = port {
        request[ID..ID + 2].copy_from_slice(&port.get().to_be_bytes());
    }
    request
}

/// Every TCP socket in `states`, of both families; the kernel leaves out most of
/// other ports than the one that is named. It walks its tables once for it, and
/// not once for each family, which takes half the time.
pub(super) fn tcp_request(port: Option<Port>, states: States) -> [u8; OLD_REQUEST] {
    let mut request = [0; OLD_REQUEST];
    request[0..4].copy_from_slice(&(OLD_REQUEST as u32).to_ne_bytes());
    request[4..6].copy_from_slice(&TCPDIAG_GETSOCK.to_ne_bytes());
    request[6..8].copy_from_slice(&(NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    if let Some(port) = port {
        request[OLD_ID..OLD_ID + 2].copy_from_slice(&port.get().to_be_bytes());
    }
    request[OLD_STATES..OLD_STATES + 4].copy_from_slice(&states.to_ne_bytes());
    request
}

fn request(flags: u16, transport: Transport, family: AddressFamily, states: States) -> Request {
    let mut request = [0; REQUEST];
    request[0..4].copy_from_slice(&(REQUEST as u32).to_ne_bytes());
    request[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request[6..8].copy_from_slice(&flags.to_ne_bytes());
    request[HEADER] = family.as_raw() as u8;
    request[HEADER + 1] = match transport {
        Transport::Tcp => 6,
        Transport::Udp => 17,
    };
    request[HEADER + 4..HEADER + 8].copy_from_slice(&states.to_ne_bytes());
    request
}

fn family(address: IpAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 }
}

fn write_address(place: &mut [u8], address: IpAddr) {
    match address {
        IpAddr::V4(v4) => place[..4].copy_from_slice(&v4.octets()),
        IpAddr::V6(v6) => place.copy_from_slice(&v6.octets()),
    }
}

/// What an answer is made of.
#[derive(Debug, PartialEq)]
pub(super) enum Message {
    Row(RawRow),
    Done,
    /// With the error number.
    Refused(i32),
    Interrupted,
}

/// Takes a datagram of netlink messages apart. Lengths come from outside and
/// are checked before use.
pub(super) fn messages(mut bytes: &[u8]) -> Result<Vec<Message>, SocketError> {
    let mut out = Vec::new();
    while bytes.len() >= HEADER {
        let len = word(bytes, 0)? as usize;
        if len < HEADER || len > bytes.len() {
            return Err(SocketError::Garbled("a message longer than its datagram"));
        }
        let message = &bytes[..len];
        if half(message, 6)? & NLM_F_DUMP_INTR != 0 {
            out.push(Message::Interrupted);
        }
        match half(message, 4)? {
            // A dump that failed on its way ends so, with the error number.
            NLMSG_DONE => out.push(match word(message, HEADER).map(u32::cast_signed) {
                Ok(errno) if errno < 0 => Message::Refused(errno.wrapping_neg()),
                _ => Message::Done,
            }),
            NLMSG_ERROR => out.push(Message::Refused(word(message, HEADER)?.cast_signed().wrapping_neg())),
            SOCK_DIAG_BY_FAMILY | TCPDIAG_GETSOCK => out.push(Message::Row(row(&message[HEADER..])?)),
            _ => return Err(SocketError::Garbled("a message of an unknown type")),
        }
        bytes = &bytes[len.next_multiple_of(4).min(bytes.len())..];
    }
    Ok(out)
}

/// `struct inet_diag_msg`: family, state, two bytes, the id (two ports at 4, two
/// addresses at 8 and 24), the queues at 56 and 60, uid at 64, inode at 68.
/// Attributes follow it.
fn row(message: &[u8]) -> Result<RawRow, SocketError> {
    let v6only = attribute(message.get(ROW..).unwrap_or_default(), SKV6ONLY);
    let message: &[u8; ROW] = message.first_chunk().ok_or(SocketError::Garbled("a row cut short"))?;
    let end = |address_at: usize, port_at: usize| {
        let address = address(message[0], &message[address_at..address_at + 16])?;
        Ok(SocketAddr::new(address, u16::from_be_bytes([message[port_at], message[port_at + 1]])))
    };
    Ok(RawRow {
        local: end(8, 4)?,
        remote: end(24, 6)?,
        uid: word(message, 64)?,
        inode: u64::from(word(message, 68)?),
        state: message[1],
        queue: Queue { waiting: word(message, 56)?, most: word(message, 60)? },
        v6only: v6only.and_then(|value| value.first()).map(|byte| *byte != 0),
    })
}

/// The local port of a socket that was destroyed: of the one message in a
/// datagram of the groups for that, which may be cut behind the ports.
pub(super) fn closed_port(datagram: &[u8]) -> Option<u16> {
    let message = datagram.get(HEADER..)?;
    (half(datagram, 4).ok()? == SOCK_DIAG_BY_FAMILY)
        .then_some(u16::from_be_bytes([*message.get(4)?, *message.get(5)?]))
}

/// The value of the first attribute of that type: `struct nlattr`, two halves
/// for length and type, each attribute padded to four bytes.
fn attribute(mut bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    const ATTRIBUTE: usize = 4;
    loop {
        let (len, kind) = (usize::from(half(bytes, 0).ok()?), half(bytes, 2).ok()?);
        let value = bytes.get(ATTRIBUTE..len)?;
        if kind == wanted {
            return Some(value);
        }
        bytes = bytes.get(len.next_multiple_of(4)..)?;
    }
}

fn address(family: u8, bytes: &[u8]) -> Result<IpAddr, SocketError> {
    let family = u16::from(family);
    let v4 = bytes.first_chunk::<4>().map(|octets| IpAddr::V4(Ipv4Addr::from(*octets)));
    let v6 = bytes.first_chunk::<16>().map(|octets| IpAddr::V6(Ipv6Addr::from(*octets)));
    let address = match family {
        _ if family == AddressFamily::INET.as_raw() => v4,
        _ if family == AddressFamily::INET6.as_raw() => v6,
        _ => None,
    };
    address.ok_or(SocketError::Garbled("a row of an unknown family"))
}

fn word(bytes: &[u8], at: usize) -> Result<u32, SocketError> {
    let chunk = bytes.get(at..).and_then(|rest| rest.first_chunk());
    chunk.map(|chunk| u32::from_ne_bytes(*chunk)).ok_or(SocketError::Garbled("a message cut short"))
}

fn half(bytes: &[u8], at: usize) -> Result<u16, SocketError> {
    let chunk = bytes.get(at..).and_then(|rest| rest.first_chunk());
    chunk.map(|chunk| u16::from_ne_bytes(*chunk)).ok_or(SocketError::Garbled("a message cut short"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENOENT: i32 = 2;

    fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = ((HEADER + body.len()) as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(body);
        bytes
    }

    fn listen_row() -> Vec<u8> {
        let mut body = vec![0; ROW];
        (body[0], body[1]) = (2, LISTEN);
        body[4..6].copy_from_slice(&3000_u16.to_be_bytes());
        body[8..12].copy_from_slice(&[127, 0, 0, 2]);
        body[64..68].copy_from_slice(&1000_u32.to_ne_bytes());
        body[68..72].copy_from_slice(&77_u32.to_ne_bytes());
        body
    }

    #[test]
    fn a_row_and_the_end() {
        let mut bytes = message(SOCK_DIAG_BY_FAMILY, 2, &listen_row());
        bytes.extend(message(NLMSG_DONE, 2, &[0; 4]));
        let messages = messages(&bytes).unwrap();
        let [Message::Row(row), Message::Done] = messages[..] else { panic!("{messages:?}") };
        assert_eq!(
            (row.local, row.remote),
            ("127.0.0.2:3000".parse().unwrap(), "0.0.0.0:0".parse().unwrap())
        );
        assert_eq!((row.uid, row.inode, row.is_established()), (1000, 77, false));
        assert_eq!(row.listing(Transport::Tcp).unwrap().state, SocketState::Listening);
    }

    #[test]
    fn a_row_in_full() {
        let detail = |state, family, attributes: &[u8]| {
            let mut body = listen_row();
            (body[0], body[1]) = (family, state);
            body[56..60].copy_from_slice(&3_u32.to_ne_bytes());
            body[60..64].copy_from_slice(&2_u32.to_ne_bytes());
            if family == 10 {
                body[8..12].fill(0);
            }
            body.extend(attributes);
            row(&body).unwrap().detail(Transport::Tcp).unwrap()
        };
        // INET_DIAG_SHUTDOWN stands before it.
        let v6only = [5, 0, 8, 0, 0, 0, 0, 0, 5, 0, 11, 0, 1, 0, 0, 0];
        let dual = [5, 0, 11, 0, 0, 0, 0, 0];
        assert_eq!(detail(LISTEN, 10, &v6only).dual_stack, Some(false));
        assert_eq!(detail(LISTEN, 10, &dual).dual_stack, Some(true));
        for cut in 0..dual.len() - 3 {
            assert_eq!(detail(LISTEN, 10, &dual[..cut]).dual_stack, None, "{cut}");
        }
        assert_eq!(detail(LISTEN, 10, &[0; 64]).dual_stack, None, "attributes of no length");
        let listener = detail(LISTEN, 2, &[]);
        assert_eq!((listener.remote, listener.dual_stack), (None, None));
        assert!(
            listener.queue.is_some_and(|queue| queue == Queue { waiting: 3, most: 2 } && queue.is_full())
        );
        for (state, expected) in [
            (1, State::Connected),
            (2, State::Connecting),
            (3, State::Connecting),
            (4, State::Closing),
            (5, State::Closing),
            (6, State::TimeWait),
            (7, State::Bound),
            (8, State::CloseWait),
            (9, State::Closing),
            (10, State::Listening),
            (11, State::Closing),
            (12, State::Connecting),
            (13, State::Bound),
        ] {
            let detail = detail(state, 2, &[]);
            assert_eq!((detail.state, detail.queue.is_some()), (expected, state == LISTEN), "{state}");
        }
    }

    #[test]
    fn the_port_of_a_socket_that_was_destroyed() {
        let whole = message(SOCK_DIAG_BY_FAMILY, 0, &listen_row());
        assert_eq!(closed_port(&whole), Some(3000));
        assert_eq!(closed_port(&whole[..HEADER + 6]), Some(3000), "cut behind it");
        assert_eq!(closed_port(&whole[..HEADER + 5]), None);
        assert_eq!(closed_port(&message(NLMSG_ERROR, 0, &listen_row())), None);
    }

    #[test]
    fn a_dump_that_failed_does_not_pass_for_an_empty_one() {
        let bytes = message(NLMSG_DONE, 2, &(-12_i32).to_ne_bytes());
        assert_eq!(messages(&bytes).unwrap(), [Message::Refused(12)]);
    }

    #[test]
    fn refusals_and_interrupted_dumps() {
        let bytes = message(NLMSG_ERROR, 0, &(-ENOENT).to_ne_bytes());
        assert_eq!(messages(&bytes).unwrap(), [Message::Refused(ENOENT)]);
        let bytes = message(NLMSG_DONE, NLM_F_DUMP_INTR, &[0; 4]);
        assert_eq!(messages(&bytes).unwrap(), [Message::Interrupted, Message::Done]);
    }

    #[test]
    fn a_message_cut_anywhere_is_an_error_or_nothing() {
        let whole = message(SOCK_DIAG_BY_FAMILY, 0, &listen_row());
        for len in 0..whole.len() {
            let result = messages(&whole[..len]);
            assert!(result.is_err() || result.is_ok_and(|messages| messages.is_empty()), "{len}");
        }
        assert!(messages(&message(SOCK_DIAG_BY_FAMILY, 0, &listen_row()[..ROW - 1])).is_err());
        assert!(messages(&message(SOCK_DIAG_BY_FAMILY, 0, &[0xff; ROW])).is_err());
        assert!(messages(&message(99, 0, &[])).is_err());
    }
}

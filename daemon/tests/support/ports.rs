//! Ports that one test has for itself: tests run at the same time, in one
//! process and in several.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    net::{Ipv6Addr, SocketAddrV6, TcpListener},
};

use portlease_proto::{Port, PortRange};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt::set_ipv6_v6only};

/// How many ports the pool of a test has.
pub(crate) const POOL: u16 = 16;
/// Above every ephemeral range and clear of the API's own port.
const FROM: u16 = 63_000;
const BLOCKS: u64 = 149;

/// A block of ports: one that marks it as taken, then the pool.
pub(crate) struct Ports {
    _mark: TcpListener,
    first: u16,
}

impl Ports {
    pub(crate) fn take() -> Self {
        let start = RandomState::new().build_hasher().finish();
        let blocks = (0..BLOCKS).map(|step| (start.wrapping_add(step)) % BLOCKS);
        let firsts = blocks.map(|block| FROM + u16::try_from(block).expect("small") * (POOL + 1));
        let mut free = firsts.filter_map(|first| {
            let mark = TcpListener::bind(("127.0.0.1", first)).ok()?;
            let all_free = (first + 1..first + 1 + POOL).all(is_free);
            all_free.then_some(Self { _mark: mark, first })
        });
        free.next().expect("sixteen free ports in a row")
    }

    pub(crate) fn pool(&self) -> PortRange {
        let port = |number| Port::new(number).expect("not 0");
        PortRange::new(port(self.first + 1), port(self.first + POOL)).expect("in order")
    }

    /// A port of the pool.
    pub(crate) fn at(&self, index: u16) -> u16 {
        assert!(index < POOL);
        self.first + 1 + index
    }
}

/// Whether nothing at all is on a port, nor left of what was: without
/// `SO_REUSEADDR`, which std sets, not even TIME_WAIT of an earlier test, which
/// a pool that is wanted whole would lack.
fn is_free(port: u16) -> bool {
    let address = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0);
    [SocketType::STREAM, SocketType::DGRAM].into_iter().all(|kind| {
        let plain = socket_with(AddressFamily::INET6, kind, SocketFlags::CLOEXEC, None).expect("a socket");
        set_ipv6_v6only(&plain, false).expect("dual stack");
        bind(&plain, &address).is_ok()
    })
}

//! Homes for tests that run beside each other.

use std::{
    ops::Deref,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
};

use crate::support::Home;

/// A hundred ports that no other test has, of this run or of another one: an
/// abstract socket name marks them for as long as this lives.
pub(crate) struct Block {
    first: u32,
    _mark: UnixDatagram,
}

impl Block {
    const ALL: u32 = 95;

    pub(crate) fn take() -> Self {
        let begin = std::process::id() % Self::ALL;
        let numbers = (0..Self::ALL).map(|step| (begin + step) % Self::ALL);
        let mut free = numbers.filter_map(|number| {
            let name = SocketAddr::from_abstract_name(format!("portlease-test/ports/{number}")).unwrap();
            let _mark = UnixDatagram::bind_addr(&name).ok()?;
            Some(Self { first: 10_200 + number * 100, _mark })
        });
        free.next().unwrap()
    }

    /// A configuration with these ports for a pool, and the last one for the API.
    pub(crate) fn config(&self) -> String {
        format!("pool = \"{}-{}\"\n[api]\nport = {}", self.first, self.first + 98, self.first + 99)
    }
}

/// A home that has a block of ports for itself.
pub(crate) struct Apart {
    // Ends its daemon before the ports are another's.
    home: Home,
    _block: Block,
}

impl Deref for Apart {
    type Target = Home;

    fn deref(&self) -> &Home {
        &self.home
    }
}

pub(crate) fn home_apart() -> Apart {
    let block = Block::take();
    let home = Home::new(vec![env!("CARGO_BIN_EXE_portlease").into()], &block.config());
    Apart { home, _block: block }
}

//! The machine-wide mark between daemons: an abstract Unix socket name per
//! port. It lives in the network namespace, as ports do, is open to every
//! user, is freed by the kernel when its holder dies, and no app ever sees it.

use std::{
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
};

use portlease_proto::Port;

use crate::sockets::{ClaimError, is_too_many_files};

/// A port that no other daemon will grant while this lives. One open file.
#[derive(Debug)]
pub struct Claim {
    _name: Option<UnixDatagram>,
}

impl Claim {
    /// A claim that marks nothing, for tests that fix the kernel's answers.
    #[must_use]
    pub fn of_nothing() -> Self {
        Self { _name: None }
    }

    pub(super) fn take(port: Port) -> Result<Self, ClaimError> {
        match SocketAddr::from_abstract_name(name(port)).and_then(|name| UnixDatagram::bind_addr(&name)) {
            Ok(name) => Ok(Self { _name: Some(name) }),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(ClaimError::Taken),
            Err(error) if is_too_many_files(&error) => Err(ClaimError::TooManyFiles),
            Err(error) => Err(ClaimError::Call(error)),
        }
    }
}

/// The name for a port. The kernel looks names up in 256 chains, by the sum of
/// their bytes taken two by two (`unix_abstract_hash`), and sums of digits are
/// much alike: by them alone ten thousand ports are in 32 of the chains, and
/// each claim walks hundreds of names. The two letters behind spread them.
fn name(port: Port) -> String {
    /// 2^32 over the golden ratio: neighbours go far from each other.
    const SPREAD: u32 = 2_654_435_761;
    /// The first of 64 characters that print, `?` to `~`.
    const FIRST: u8 = b'?';
    let spread = u32::from(port.get()).wrapping_mul(SPREAD).to_be_bytes();
    let [first, second] = [spread[0] >> 2, spread[1] >> 2].map(|six_bits| char::from(FIRST + six_bits));
    format!("portlease/claim/{port}/{first}{second}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// As net/unix/af_unix.c does it for a datagram socket.
    fn chain(name: &str) -> u32 {
        let family_and_nul = [1, 0, 0];
        let bytes: Vec<u8> = family_and_nul.into_iter().chain(name.bytes()).collect();
        let words =
            bytes.chunks(2).map(|pair| u32::from(pair[0]) + (u32::from(*pair.get(1).unwrap_or(&0)) << 8));
        let mut sum: u32 = words.sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        let folded = !sum & 0xffff;
        (folded ^ (folded >> 8) ^ 2) & 255
    }

    #[test]
    fn names_are_spread_over_the_kernels_chains() {
        let mut chains: HashMap<u32, u32> = HashMap::new();
        for port in 20_000..30_000 {
            *chains.entry(chain(&name(Port::new(port).unwrap()))).or_default() += 1;
        }
        let longest = chains.values().max().unwrap();
        assert!(*longest < 120, "10,000 names over 256 chains are 39 each at best; the longest is {longest}");
    }
}

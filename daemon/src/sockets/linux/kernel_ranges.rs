//! The ports that the running kernel keeps for itself, from `/proc/sys/net`.

use std::fs;

use portlease_proto::{Port, PortRange};

use crate::allocator::KernelRanges;

/// The ranges of this network namespace.
pub(super) fn read() -> KernelRanges {
    let file = |name: &str| fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).unwrap_or_default();
    KernelRanges {
        ephemeral: parse_ephemeral(&file("ip_local_port_range")),
        reserved: parse_reserved(&file("ip_local_reserved_ports")),
    }
}

/// `32768\t60999`. Ports are refused by it, so an unreadable file must not
/// pass for an empty range: then the kernel's default stands.
pub(super) fn parse_ephemeral(text: &str) -> Option<PortRange> {
    let mut numbers = text.split_ascii_whitespace().filter_map(|word| word.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(first), Some(last)) => PortRange::new(first, last).ok(),
        _ => Some(PortRange::constant(32768, 60999)),
    }
}

/// `8080,9000-9010`.
pub(super) fn parse_reserved(text: &str) -> Vec<PortRange> {
    let single = |word: &str| word.parse::<Port>().ok().and_then(|port| PortRange::new(port, port).ok());
    text.trim().split(',').filter_map(|word| word.parse().ok().or_else(|| single(word))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_that_the_kernel_writes() {
        assert_eq!(parse_ephemeral("32768\t60999\n"), Some(PortRange::constant(32768, 60999)));
        assert_eq!(parse_ephemeral(""), Some(PortRange::constant(32768, 60999)));
        assert_eq!(parse_reserved("\n"), []);
        assert_eq!(
            parse_reserved("8080,9000-9010\n"),
            [PortRange::constant(8080, 8080), PortRange::constant(9000, 9010)]
        );
    }
}

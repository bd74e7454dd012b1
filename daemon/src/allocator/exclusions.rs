//! The ports that are never given from the pool, and on request only by force.

use std::{fmt, sync::LazyLock};

use portlease_proto::{Port, PortRange, Protocol};

/// The IANA-assigned ports of the default pool (TCP or UDP), one or more a line.
const IANA: &str = include_str!("iana-20000-29999.txt");

/// Ports that a widely used tool expects to find its own service on.
const TOOLS: &[(u16, u16, &str)] = &[
    (21115, 21119, "RustDesk"),
    (22000, 22000, "Syncthing"),
    (23119, 23119, "Zotero"),
    (24007, 24008, "Gluster"),
    (24224, 24224, "fluentd"),
    (24678, 24678, "Vite HMR"),
    (24800, 24800, "Barrier"),
    (25565, 25565, "Minecraft"),
    (25672, 25672, "RabbitMQ"),
    (26257, 26257, "CockroachDB"),
    (26379, 26379, "Redis Sentinel"),
    (26500, 26500, "Zeebe"),
    (27015, 27050, "Steam and MongoDB"),
    (28015, 28015, "RethinkDB"),
    (29015, 29015, "RethinkDB"),
    (29092, 29094, "Kafka"),
    (29418, 29418, "Gerrit"),
    (29500, 29500, "PyTorch"),
];

/// Ports that browsers refuse to open (ERR_UNSAFE_PORT; the "bad ports" of
/// the Fetch standard). Sorted.
const BROWSERS: &[u16] = &[
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104,
    109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515,
    526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049,
    3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
];

static IANA_PORTS: LazyLock<Vec<u16>> =
    LazyLock::new(|| IANA.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect());

/// Why a port is not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exclusion {
    /// A browser would not open it, and the lease covers TCP.
    Browsers,
    /// The named tool's own port.
    Tool(&'static str),
    /// Assigned by IANA.
    Iana,
    /// The kernel gives it to outgoing connections.
    Ephemeral(PortRange),
    /// Set aside by the machine's owner.
    Reserved,
    /// The API's own.
    Api,
    /// `exclude` in config.toml says so.
    Owner,
}

/// The widely used tool that expects to find its own service on `port`.
#[must_use]
pub fn tool(port: Port) -> Option<&'static str> {
    let (.., name) = TOOLS.iter().find(|(first, last, _)| (*first..=*last).contains(&port.get()))?;
    Some(name)
}

/// Whether browsers refuse to open `port`.
#[must_use]
pub fn is_browser_blocked(port: Port) -> bool {
    BROWSERS.binary_search(&port.get()).is_ok()
}

impl fmt::Display for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Browsers => f.write_str("browsers refuse to open it (ERR_UNSAFE_PORT)"),
            Self::Tool(name) => write!(f, "it is the port of {name}"),
            Self::Iana => f.write_str("IANA has assigned it to a service"),
            Self::Ephemeral(range) => {
                write!(f, "it lies in {range}, from which the kernel serves outgoing connections")
            }
            Self::Reserved => f.write_str("it is in net.ipv4.ip_local_reserved_ports"),
            Self::Api => f.write_str("it is portlease's own API port"),
            Self::Owner => f.write_str("exclude in config.toml names it"),
        }
    }
}

/// What the running kernel keeps for itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KernelRanges {
    /// Where the kernel takes ports for `bind(0)` and `connect` from.
    pub ephemeral: Option<PortRange>,
    /// `ip_local_reserved_ports`.
    pub reserved: Vec<PortRange>,
}

/// The list of excluded ports at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exclusions {
    /// What the kernel keeps.
    pub kernel: KernelRanges,
    /// The ports that our own API has, or wants.
    pub api: Vec<Port>,
    /// What the owner of the machine excludes beside all others.
    pub owner: Vec<PortRange>,
}

impl Exclusions {
    /// Why `port` is excluded for a lease of `protocol`, if it is.
    #[must_use]
    pub fn why(&self, port: Port, protocol: Protocol) -> Option<Exclusion> {
        let number = port.get();
        if self.api.contains(&port) {
            return Some(Exclusion::Api);
        }
        if self.owner.iter().any(|range| range.contains(port)) {
            return Some(Exclusion::Owner);
        }
        // Any lease that covers TCP may be opened in a browser.
        if protocol.covers_tcp() && is_browser_blocked(port) {
            return Some(Exclusion::Browsers);
        }
        if let Some(name) = tool(port) {
            return Some(Exclusion::Tool(name));
        }
        if IANA_PORTS.binary_search(&number).is_ok() {
            return Some(Exclusion::Iana);
        }
        if let Some(range) = self.kernel.ephemeral.filter(|range| range.contains(port)) {
            return Some(Exclusion::Ephemeral(range));
        }
        self.kernel.reserved.iter().any(|range| range.contains(port)).then_some(Exclusion::Reserved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(port: u16, protocol: Protocol) -> Option<Exclusion> {
        let exclusions = Exclusions {
            kernel: KernelRanges {
                ephemeral: Some(PortRange::constant(32768, 60999)),
                reserved: vec![PortRange::constant(8080, 8081)],
            },
            api: vec![Port::constant(62893)],
            owner: vec![PortRange::constant(5000, 5000), PortRange::constant(5998, 6000)],
        };
        exclusions.why(Port::constant(port), protocol)
    }

    #[test]
    fn the_lists_are_whole_and_sorted() {
        assert_eq!(IANA_PORTS.len(), 154);
        assert!(IANA_PORTS.is_sorted() && BROWSERS.is_sorted());
    }

    #[test]
    fn each_says_why() {
        for (exclusion, why) in [
            (Exclusion::Browsers, "browsers refuse to open it (ERR_UNSAFE_PORT)"),
            (Exclusion::Tool("Kafka"), "it is the port of Kafka"),
            (Exclusion::Iana, "IANA has assigned it to a service"),
            (
                Exclusion::Ephemeral(PortRange::constant(32768, 60999)),
                "it lies in 32768-60999, from which the kernel serves outgoing connections",
            ),
            (Exclusion::Reserved, "it is in net.ipv4.ip_local_reserved_ports"),
            (Exclusion::Api, "it is portlease's own API port"),
            (Exclusion::Owner, "exclude in config.toml names it"),
        ] {
            assert_eq!(exclusion.to_string(), why);
        }
    }

    #[test]
    fn each_list_excludes_its_own() {
        for (port, protocol, expected) in [
            (6566, Protocol::Both, Some(Exclusion::Browsers)),
            (6566, Protocol::Tcp, Some(Exclusion::Browsers)),
            (6566, Protocol::Udp, None),
            (5000, Protocol::Udp, Some(Exclusion::Owner)),
            (5999, Protocol::Both, Some(Exclusion::Owner)),
            (6000, Protocol::Udp, Some(Exclusion::Owner)),
            (5001, Protocol::Both, None),
            (27017, Protocol::Tcp, Some(Exclusion::Tool("Steam and MongoDB"))),
            (29999, Protocol::Both, Some(Exclusion::Iana)),
            (32768, Protocol::Both, Some(Exclusion::Ephemeral(PortRange::constant(32768, 60999)))),
            (60999, Protocol::Udp, Some(Exclusion::Ephemeral(PortRange::constant(32768, 60999)))),
            (61000, Protocol::Both, None),
            (8081, Protocol::Both, Some(Exclusion::Reserved)),
            (62893, Protocol::Udp, Some(Exclusion::Api)),
            (3000, Protocol::Both, None),
            (5432, Protocol::Both, None),
            (20006, Protocol::Both, None),
        ] {
            assert_eq!(why(port, protocol), expected, "{port} {protocol}");
        }
    }
}

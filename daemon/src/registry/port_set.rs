//! A set of ports that is asked thousands of times on one walk through a pool.

use portlease_proto::Port;

const WORDS: usize = 1 << 10;

/// A bit for each port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortSet(Vec<u64>);

impl Default for PortSet {
    fn default() -> Self {
        Self(vec![0; WORDS])
    }
}

impl PortSet {
    fn place(port: Port) -> (usize, u64) {
        (usize::from(port.get() >> 6), 1 << (port.get() & 63))
    }

    /// Puts a port in.
    pub fn insert(&mut self, port: Port) {
        let (word, bit) = Self::place(port);
        self.0[word] |= bit;
    }

    /// Takes a port out.
    pub fn remove(&mut self, port: Port) {
        let (word, bit) = Self::place(port);
        self.0[word] &= !bit;
    }

    /// Whether a port is in it.
    #[must_use]
    pub fn contains(&self, port: Port) -> bool {
        let (word, bit) = Self::place(port);
        self.0[word] & bit != 0
    }
}

impl FromIterator<Port> for PortSet {
    fn from_iter<I: IntoIterator<Item = Port>>(ports: I) -> Self {
        let mut set = Self::default();
        ports.into_iter().for_each(|port| set.insert(port));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_port_by_itself() {
        let ports = [1, 63, 64, 65, 20_000, 65_535].map(Port::constant);
        let mut set: PortSet = ports.into_iter().collect();
        let all =
            |set: &PortSet| (1..=u16::MAX).map(Port::constant).filter(|port| set.contains(*port)).count();
        assert_eq!(all(&set), ports.len());
        assert!(ports.iter().all(|port| set.contains(*port)));
        set.remove(ports[2]);
        set.remove(Port::constant(2));
        assert_eq!((all(&set), set.contains(ports[2])), (ports.len() - 1, false));
    }
}

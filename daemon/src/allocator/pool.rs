//! The ports that we may give by ourselves, and the order in which a lease
//! walks them.

use portlease_proto::{Port, PortRange, ProjectName, ServiceName};

/// The pool of a fresh installation: below every ephemeral range, above every
/// port that browsers refuse, five digits.
pub const DEFAULT_POOL: PortRange = PortRange::constant(20000, 29999);

/// One or several ranges of ports, in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    ranges: Vec<PortRange>,
}

/// A list of ranges that makes no pool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPool {
    /// No range at all.
    #[error("the pool is empty")]
    Empty,
    /// A port would be in the pool twice.
    #[error("the ranges {0} and {1} of the pool overlap")]
    Overlap(PortRange, PortRange),
}

impl Pool {
    /// The pool of these ranges.
    ///
    /// # Errors
    /// When there is none, or two of them overlap.
    pub fn new(ranges: Vec<PortRange>) -> Result<Self, InvalidPool> {
        if ranges.is_empty() {
            return Err(InvalidPool::Empty);
        }
        for (i, a) in ranges.iter().enumerate() {
            if let Some(b) = ranges.iter().skip(i + 1).find(|b| a.overlaps(**b)) {
                return Err(InvalidPool::Overlap(*a, *b));
            }
        }
        Ok(Self { ranges })
    }

    /// Its ranges.
    #[must_use]
    pub fn ranges(&self) -> &[PortRange] {
        &self.ranges
    }

    /// How many ports it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ranges.iter().map(|range| count(*range)).sum()
    }

    /// Never: a pool has at least one port.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether a port is in it.
    #[must_use]
    pub fn contains(&self, port: Port) -> bool {
        self.ranges.iter().any(|range| range.contains(port))
    }

    /// Every port once, beginning at the place that `seed` points to.
    pub(super) fn walk(&self, seed: u64) -> impl Iterator<Item = Port> {
        let len = self.len();
        // A pool has a range and a range has a port, so its length is not 0.
        let start = usize::try_from(seed % len.max(1) as u64).unwrap_or(0);
        (start..len).chain(0..start).filter_map(|place| self.at(place))
    }

    /// The port at a place, counted over all ranges. Found without walking
    /// there: a walk begins anywhere in thousands of ports, and mostly ends at once.
    fn at(&self, mut place: usize) -> Option<Port> {
        for range in &self.ranges {
            if place < count(*range) {
                return u16::try_from(place).ok().and_then(|place| Port::new(range.first().get() + place));
            }
            place -= count(*range);
        }
        None
    }
}

fn count(range: PortRange) -> usize {
    usize::from(range.last().get() - range.first().get()) + 1
}

impl Default for Pool {
    fn default() -> Self {
        Self { ranges: vec![DEFAULT_POOL] }
    }
}

impl From<PortRange> for Pool {
    fn from(range: PortRange) -> Self {
        Self { ranges: vec![range] }
    }
}

/// Where a lease begins its walk. Part of the contract: a lost registry, a
/// reinstall or a colleague's machine arrives at the same port, so this may
/// never change. FNV-1a over `project NUL service`, then the finaliser of
/// SplitMix64, because FNV's low bits alone spread short names badly.
pub(super) fn seed(project: &ProjectName, service: &ServiceName) -> u64 {
    let bytes = project.as_str().bytes().chain([0]).chain(service.as_str().bytes());
    let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn pool(ranges: &[&str]) -> Result<Pool, InvalidPool> {
        Pool::new(ranges.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[test]
    fn a_walk_meets_every_port_once() {
        let pool = pool(&["10-14", "30-30"]).unwrap();
        let walk = |seed| pool.walk(seed).map(Port::get).collect::<Vec<_>>();
        assert_eq!(walk(0), [10, 11, 12, 13, 14, 30]);
        assert_eq!(walk(5), [30, 10, 11, 12, 13, 14]);
        assert_eq!(walk(6), walk(0));
    }

    #[test]
    fn what_a_pool_has() {
        let pool = pool(&["10-14", "30-30"]).unwrap();
        assert_eq!(pool.ranges(), ["10-14", "30-30"].map(|text| text.parse().unwrap()));
        assert_eq!((pool.len(), pool.is_empty()), (6, false));
        let has = |port: &u16| pool.contains(Port::constant(*port));
        assert_eq!((1..100).filter(has).collect::<Vec<_>>(), [10, 11, 12, 13, 14, 30]);
    }

    #[test]
    fn what_is_no_pool() {
        assert_eq!(pool(&[]), Err(InvalidPool::Empty));
        assert!(matches!(pool(&["10-20", "30-40", "20-25"]), Err(InvalidPool::Overlap(..))));
    }

    #[test]
    fn placement_never_changes() {
        let at = |project: &str, service: &str| {
            let seed = seed(&project.parse().unwrap(), &service.parse().unwrap());
            Pool::default().walk(seed).next().unwrap().get()
        };
        // Recorded at the first release. A change here moves everybody's ports.
        assert_eq!(at("myapp", "default"), 22976);
        assert_eq!(at("myapp", "web"), 26031);
        assert_eq!(at("myapp@feature-x", "web"), 21821);
    }

    #[test]
    fn placement_spreads_like_chance() {
        let places: BTreeSet<u64> = (0..1000)
            .map(|i| seed(&format!("app{i}").parse().unwrap(), &ServiceName::default()) % 10_000)
            .collect();
        // 1,000 balls in 10,000 urns leave about 952 urns with a ball.
        assert!((930..=975).contains(&places.len()), "{}", places.len());
    }
}

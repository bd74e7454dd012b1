//! What is measured, and where it is.

use std::path::PathBuf;

/// The programs that are measured. Without a path, a peer is left out and
/// named as such.
#[derive(Debug, clap::Args)]
pub(crate) struct Peers {
    /// portlease, built for release.
    #[arg(long, value_name = "PATH", default_value = "target/release/portlease")]
    pub(crate) portlease: PathBuf,
    /// portserver.py of portpicker (PyPI).
    #[arg(long, value_name = "PATH")]
    pub(crate) portserver: Option<PathBuf>,
    /// index.js of get-port (npm).
    #[arg(long, value_name = "PATH")]
    pub(crate) get_port: Option<PathBuf>,
    /// bindport (crates.io).
    #[arg(long, value_name = "PATH")]
    pub(crate) bindport: Option<PathBuf>,
    /// The directory of portauth's commands (PyPI).
    #[arg(long, value_name = "PATH")]
    pub(crate) portauth: Option<PathBuf>,
    /// portlease-bench-minimal, linked statically.
    #[arg(long, value_name = "PATH")]
    pub(crate) minimal: Option<PathBuf>,
    /// How many rounds: numbers are medians of them.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) rounds: usize,
}

/// The numbers below `count`, beginning with another one each round.
pub(crate) fn rotated(count: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |index| (index + round) % count.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_comes_once_and_is_first_in_turn() {
        let orders: Vec<Vec<usize>> = (0..4).map(|round| rotated(3, round).collect()).collect();
        assert_eq!(orders, [vec![0, 1, 2], vec![1, 2, 0], vec![2, 0, 1], vec![0, 1, 2]]);
        assert_eq!(rotated(0, 1).count(), 0);
    }
}

//! Homes for tests that run beside each other.

use crate::support::Home;

/// With ports that no other test of this run is given, nor, most likely, one
/// of another run at the same time.
pub(crate) fn home_apart(test: u32) -> Home {
    Home::new(vec![env!("CARGO_BIN_EXE_portlease").into()], &config_apart(test))
}

/// The configuration of such a home.
pub(crate) fn config_apart(test: u32) -> String {
    let block = (std::process::id() * 7 + test) % 95;
    let first = 10_200 + block * 100;
    format!("pool = \"{first}-{}\"\n[api]\nport = {}", first + 98, first + 99)
}

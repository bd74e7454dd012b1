//! Where no program is started to read the firewall's rules.

use crate::doctor::{Listing, Unread};

/// That nobody has looked.
pub(super) fn rules() -> Vec<Listing> {
    vec![Listing { program: crate::doctor::Program::PfCtl, output: Err(Unread::NotRoot) }]
}

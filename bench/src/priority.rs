//! A raised priority, for all that is measured alike, so that what else the
//! machine does disturbs less.

use std::{fs, io::Write as _};

use rustix::process::{getuid, setpriority_process};

const NICE: i32 = -15;
/// Where the kernel groups by session, a process's own number says little.
const GROUP: &str = "/proc/self/autogroup";

/// Raises this process, and so all that it starts: servers, peers and load.
/// Without the right to do so all stay as they are.
pub(crate) fn raise() {
    if !getuid().is_root() || setpriority_process(None, NICE).is_err() {
        return;
    }
    let _not_everywhere = fs::OpenOptions::new()
        .write(true)
        .open(GROUP)
        .and_then(|mut group| group.write_all(NICE.to_string().as_bytes()));
}

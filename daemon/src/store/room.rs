//! Signs that the disk under the registry takes no more.

use std::path::Path;

use rustix::fs::{StatVfsMountFlags, statvfs};

/// Bytes that a disk in use has left at the least: far more than one commit
/// takes, so that what is above needs no closer look.
const PLENTY: u64 = 1 << 20;

/// Whether a commit might find no room, or not be let in. What cannot be told
/// counts as a sign, too.
pub(super) fn is_scarce(path: &Path) -> bool {
    statvfs(path).map_or(true, |disk| {
        let left = disk.f_bavail.saturating_mul(disk.f_frsize);
        left < PLENTY || disk.f_flag.contains(StatVfsMountFlags::RDONLY)
    })
}

//! Signs that the disk under the registry takes no more.

use std::path::Path;

use rustix::fs::{StatVfsMountFlags, statvfs};

/// Bytes that a disk in use has left at the least: far more than one commit
/// takes, so that what is above needs no closer look.
const PLENTY: u64 = 1 << 20;

/// Whether a commit might find no room, or not be let in. What cannot be told
/// counts as a sign, too.
pub(super) fn is_scarce(path: &Path) -> bool {
    statvfs(path).map_or(true, |disk| is_sign(disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_flag))
}

fn is_sign(left: u64, mount: StatVfsMountFlags) -> bool {
    left < PLENTY || mount.contains(StatVfsMountFlags::RDONLY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_sign() {
        let (no, read_only) = (StatVfsMountFlags::empty(), StatVfsMountFlags::RDONLY);
        for (left, mount, expected) in [
            (1_048_576, no, false),
            (1_048_575, no, true),
            (0, no, true),
            (u64::MAX, read_only, true),
            (u64::MAX, StatVfsMountFlags::NOSUID, false),
        ] {
            assert_eq!(is_sign(left, mount), expected, "{left} {mount:?}");
        }
        let temp = tempfile::tempdir().unwrap();
        assert!(is_scarce(&temp.path().join("not-there")), "it cannot be told");
        assert!(!is_scarce(temp.path()), "these tests need more room than that");
    }
}

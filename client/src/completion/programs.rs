//! The programs that a command line may begin with.

use std::{collections::BTreeSet, ffi::OsString, fs, os::unix::fs::PermissionsExt};

/// Those on `PATH`, sorted, each once.
pub(super) fn on_path() -> BTreeSet<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let entries = std::env::split_paths(&path).filter_map(|dir| fs::read_dir(dir).ok()).flatten().flatten();
    let programs = entries.filter(|entry| {
        // Through a symbolic link, as the kernel would go.
        fs::metadata(entry.path()).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    });
    programs.map(|entry| entry.file_name()).collect()
}

//! The environment's word on where things live.

use std::{os::unix::fs::MetadataExt, path::PathBuf};

use directories::ProjectDirs;
use portlease_proto::{BaseDirs, Paths};

/// The paths of the user that this process runs as; none without a home.
#[must_use]
pub fn from_env() -> Option<Paths> {
    let home = std::env::var_os("PORTLEASE_HOME").filter(|home| !home.is_empty());
    let home = home.map(PathBuf::from).and_then(|home| std::path::absolute(home).ok());
    let dirs = match (ProjectDirs::from("", "", "portlease"), &home) {
        (Some(dirs), _) => dirs,
        (None, Some(home)) => return Some(Paths::under(home)),
        (None, None) => return None,
    };
    Some(Paths::resolve(BaseDirs {
        home,
        state: dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir()).to_owned(),
        config: dirs.config_dir().to_owned(),
        runtime: dirs.runtime_dir().filter(|dir| dir.parent().is_some_and(is_ours)).map(ToOwned::to_owned),
    }))
}

/// After `su` or `sudo`, XDG_RUNTIME_DIR may still name another user's directory.
fn is_ours(dir: &std::path::Path) -> bool {
    let ours = rustix::process::geteuid().as_raw();
    std::fs::metadata(dir).is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == ours)
}

//! Where units are, and what of the environment concerns them.

use std::{env, path::PathBuf};

use crate::exit::{Exit, Failure};

/// The directory of this user's own units.
pub(super) fn directory() -> Result<PathBuf, Failure> {
    let named = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let config = named.or_else(|| env::home_dir().map(|home| home.join(".config")));
    let config =
        config.ok_or_else(|| Failure::new(Exit::Failed, "there is no home directory").hint("set HOME"))?;
    Ok(config.join("systemd/user"))
}

/// Variables of this shell that say where our files are: the service must mean
/// the same ones.
pub(super) fn environment() -> Vec<(&'static str, PathBuf)> {
    let set = |name| Some((name, PathBuf::from(env::var_os(name)?)));
    let all = ["XDG_STATE_HOME", "XDG_CONFIG_HOME"].into_iter().filter_map(set);
    all.filter(|(_, dir)| dir.is_absolute()).collect()
}

/// Whether the user's services run without a session. systemd keeps a file for
/// each such user (logind's `enable-linger`).
pub(super) fn lingers() -> bool {
    let name = portleased::processes::SystemProcesses;
    let name = portleased::processes::Processes::user_name(&name, rustix::process::geteuid().as_raw());
    PathBuf::from("/var/lib/systemd/linger").join(name).exists()
}

//! By which path the service is to start this program.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use super::failed;
use crate::exit::{Exit, Failure};

const NAME: &str = "portlease";

/// The path of this program that outlives an upgrade: what `PATH` calls it, if
/// that is it, since package managers keep the file itself in a directory of its
/// version; else the file.
pub(super) fn path() -> Result<PathBuf, Failure> {
    let this = env::current_exe().map_err(|error| failed("where this program is cannot be told", &error))?;
    if !this.exists() {
        let message = format!("{} was replaced while it ran", this.display());
        return Err(Failure::new(Exit::Failed, message).hint("again: portlease service install"));
    }
    let dirs = env::var_os("PATH").unwrap_or_default();
    Ok(on_path(&this, env::split_paths(&dirs)).unwrap_or(this))
}

fn on_path(this: &Path, dirs: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    let real = fs::canonicalize(this).ok()?;
    let mut named = dirs.filter(|dir| dir.is_absolute()).map(|dir| dir.join(NAME));
    named.find(|path| fs::canonicalize(path).is_ok_and(|found| found == real))
}

#[cfg(test)]
mod tests {
    use std::{fs::File, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn a_link_that_stays_is_better_than_the_file_of_one_version() {
        let temp = tempfile::tempdir().unwrap();
        let dir = |name: &str| {
            let dir = temp.path().join(name);
            fs::create_dir(&dir).unwrap();
            dir
        };
        let (version, bin, other) = (dir("1.0"), dir("bin"), dir("other"));
        let this = version.join(NAME);
        File::create(&this).unwrap();
        File::create(other.join(NAME)).unwrap();
        symlink(&this, bin.join(NAME)).unwrap();
        let dirs = || [PathBuf::from("relative"), other.clone(), bin.clone()].into_iter();
        assert_eq!(on_path(&this, dirs()), Some(bin.join(NAME)));
        assert_eq!(on_path(&this, [other.clone()].into_iter()), None);
        assert_eq!(on_path(&temp.path().join("gone"), dirs().take(2)), None);
    }
}

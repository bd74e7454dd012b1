//! What an uninstalled service leaves: nothing but leases, if anything.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use portlease_proto::Paths;

use super::failed;
use crate::exit::Failure;

/// Removes what daemons made, with the leases or without: how many files. No
/// daemon runs, and none is being started.
pub(super) fn remove(paths: &Paths, home: Option<&Path>, purge: bool) -> Result<usize, Failure> {
    let endpoint = paths.endpoint();
    let mut files = vec![
        paths.socket(),
        paths.token(),
        beside(&paths.token(), ".new"),
        beside(&endpoint, ".new"),
        endpoint,
        paths.lock(),
        paths.log(),
        paths.registry_lock(),
    ];
    if purge {
        files.extend(registries(paths));
    }
    // The last one: until then nobody starts a daemon.
    files.push(paths.start_lock());
    let mut removed = 0;
    for file in files {
        removed += usize::from(remove_file(&file)?);
    }
    let config = paths.config_file();
    for directory in [Some(paths.runtime()), Some(paths.state()), config.parent()].into_iter().flatten() {
        remove_empty(directory, home);
    }
    Ok(removed)
}

/// True if it was there.
pub(super) fn remove_file(file: &Path) -> Result<bool, Failure> {
    match fs::remove_file(file) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed(&format!("{} cannot be removed", file.display()), &error)),
    }
}

/// Removes the directory if it is empty, and those above it that are empty then,
/// as far as they lie in the user's home.
pub(super) fn remove_empty(directory: &Path, home: Option<&Path>) {
    let in_home =
        |directory: &Path| home.is_some_and(|home| directory.starts_with(home) && directory != home);
    let mut above = directory.ancestors();
    while let Some(directory) = above.next().filter(|above| *above == directory || in_home(above)) {
        if fs::remove_dir(directory).is_err() {
            return;
        }
    }
}

/// The registry, its log, and damaged ones that were put aside.
fn registries(paths: &Paths) -> Vec<PathBuf> {
    let registry = paths.registry();
    let name = registry.file_name().unwrap_or_default().as_encoded_bytes().to_owned();
    let entries = fs::read_dir(paths.state()).into_iter().flatten().flatten();
    let is_ours =
        |path: &PathBuf| path.file_name().is_some_and(|found| found.as_encoded_bytes().starts_with(&name));
    entries.map(|entry| entry.path()).filter(is_ours).collect()
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests {
    use portlease_proto::BaseDirs;

    use super::*;

    fn home(temp: &Path) -> Paths {
        let paths = Paths::resolve(BaseDirs {
            home: None,
            state: temp.join("home/.local/state/portlease"),
            config: temp.join("home/.config/portlease"),
            runtime: Some(temp.join("run/portlease")),
        });
        for file in [
            paths.socket(),
            paths.token(),
            paths.endpoint(),
            paths.lock(),
            paths.start_lock(),
            paths.log(),
            paths.registry_lock(),
            paths.registry(),
            beside(&paths.registry(), "-wal"),
            beside(&paths.registry(), ".damaged-2026"),
            temp.join("home/.profile"),
        ] {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::File::create(file).unwrap();
        }
        paths
    }

    #[test]
    fn no_home_is_removed_however_empty() {
        let temp = tempfile::tempdir().unwrap();
        let inner = temp.path().join("home/a/b");
        fs::create_dir_all(&inner).unwrap();
        remove_empty(&inner, Some(&temp.path().join("home")));
        assert_eq!(fs::read_dir(temp.path().join("home")).unwrap().count(), 0);
    }

    #[test]
    fn leases_stay() {
        let temp = tempfile::tempdir().unwrap();
        let paths = home(temp.path());
        assert_eq!(remove(&paths, Some(&temp.path().join("home")), false).unwrap(), 7);
        let left = fs::read_dir(paths.state()).unwrap().count();
        assert_eq!(left, 3, "the registry, its log, the damaged one");
        assert!(!paths.runtime().exists());
        assert_eq!(remove(&paths, Some(&temp.path().join("home")), false).unwrap(), 0);
    }

    #[test]
    fn a_purge_leaves_nothing_but_what_is_not_ours() {
        let temp = tempfile::tempdir().unwrap();
        let paths = home(temp.path());
        assert_eq!(remove(&paths, Some(&temp.path().join("home")), true).unwrap(), 10);
        assert!(!temp.path().join("home/.local").exists());
        assert!(temp.path().join("home/.profile").exists());
        assert!(temp.path().join("run").exists(), "what is not in the home stays");

        let paths = home(temp.path());
        fs::create_dir_all(paths.config_file().parent().unwrap()).unwrap();
        fs::File::create(paths.config_file()).unwrap();
        fs::File::create(paths.state().join("mine")).unwrap();
        remove(&paths, Some(&temp.path().join("home")), true).unwrap();
        assert!(paths.config_file().exists() && paths.state().join("mine").exists());
    }
}

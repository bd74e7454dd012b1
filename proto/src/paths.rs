//! Where things live. The daemon and its clients must agree on it, so the
//! rule stands here; reading the environment is theirs.

use std::path::{Path, PathBuf};

/// What the environment says, read by the caller.
#[derive(Debug, Clone, Default)]
pub struct BaseDirs {
    /// `PORTLEASE_HOME`: everything under one directory.
    pub home: Option<PathBuf>,
    /// The user's directory for the state of programs, with our name in it.
    pub state: PathBuf,
    /// The user's directory for configuration, with our name in it.
    pub config: PathBuf,
    /// `$XDG_RUNTIME_DIR/portlease`; none where there is no such directory or
    /// it is another user's.
    pub runtime: Option<PathBuf>,
}

/// The directories and files of one user's portlease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    state: PathBuf,
    config: PathBuf,
    runtime: PathBuf,
}

impl Paths {
    /// `PORTLEASE_HOME` wins; without a runtime directory it is `run` inside
    /// the state directory.
    #[must_use]
    pub fn resolve(dirs: BaseDirs) -> Self {
        match dirs.home {
            Some(home) => Self::under(&home),
            None => Self {
                runtime: dirs.runtime.unwrap_or_else(|| dirs.state.join("run")),
                config: dirs.config,
                state: dirs.state,
            },
        }
    }

    /// Everything under one directory.
    #[must_use]
    pub fn under(home: &Path) -> Self {
        Self { state: home.to_owned(), config: home.to_owned(), runtime: home.join("run") }
    }

    /// The `PORTLEASE_HOME` that these are the paths of; none when they do not
    /// all lie under one directory.
    #[must_use]
    pub fn home(&self) -> Option<&Path> {
        (*self == Self::under(&self.state)).then_some(&self.state)
    }

    /// The directory of the registry and the log.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The directory of the sockets and locks.
    #[must_use]
    pub fn runtime(&self) -> &Path {
        &self.runtime
    }

    /// The configuration file.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// The saved registry.
    #[must_use]
    pub fn registry(&self) -> PathBuf {
        self.state.join("registry.db")
    }

    /// Locked by the daemon that uses the registry.
    #[must_use]
    pub fn registry_lock(&self) -> PathBuf {
        self.state.join("registry.lock")
    }

    /// Where a daemon that a client started writes its log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.state.join("daemon.log")
    }

    /// The API's Unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.runtime.join("portlease.sock")
    }

    /// Locked by the daemon that serves the socket.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.runtime.join("lock")
    }

    /// Locked by a client while it starts the daemon.
    #[must_use]
    pub fn start_lock(&self) -> PathBuf {
        self.runtime.join("start.lock")
    }

    /// What lets a program in over TCP where the connection alone does not.
    #[must_use]
    pub fn token(&self) -> PathBuf {
        self.runtime.join("token")
    }

    /// The TCP address in use.
    #[must_use]
    pub fn endpoint(&self) -> PathBuf {
        self.runtime.join("endpoint.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dirs() -> BaseDirs {
        BaseDirs {
            home: None,
            state: "/h/.local/state/portlease".into(),
            config: "/h/.config/portlease".into(),
            runtime: Some("/run/user/1/portlease".into()),
        }
    }

    #[test]
    fn each_in_the_directory_made_for_it() {
        let paths = Paths::resolve(dirs());
        assert_eq!(paths.registry(), Path::new("/h/.local/state/portlease/registry.db"));
        assert_eq!(paths.config_file(), Path::new("/h/.config/portlease/config.toml"));
        assert_eq!(paths.socket(), Path::new("/run/user/1/portlease/portlease.sock"));
    }

    #[test]
    fn without_a_runtime_directory() {
        let paths = Paths::resolve(BaseDirs { runtime: None, ..dirs() });
        assert_eq!(paths.runtime(), Path::new("/h/.local/state/portlease/run"));
    }

    #[test]
    fn portlease_home_holds_everything() {
        let paths = Paths::resolve(BaseDirs { home: Some("/x".into()), ..dirs() });
        assert_eq!(paths.registry(), Path::new("/x/registry.db"));
        assert_eq!(paths.config_file(), Path::new("/x/config.toml"));
        assert_eq!(paths.socket(), Path::new("/x/run/portlease.sock"));
        assert_eq!(paths.token(), Path::new("/x/run/token"));
        assert_eq!(paths.home(), Some(Path::new("/x")));
        assert_eq!(Paths::resolve(dirs()).home(), None);
    }
}

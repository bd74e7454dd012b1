//! Whether the service and the commands would mean the same files.

use std::env;

use portlease_proto::Paths;

use crate::exit::{Exit, Failure};

/// A service serves the user's own directories: nothing of it could be reached
/// from where another one is named, or where there is no runtime directory.
pub(super) fn check(paths: &Paths) -> Result<(), Failure> {
    judge(env::var_os("PORTLEASE_HOME").is_some_and(|home| !home.is_empty()), paths)
}

fn judge(home: bool, paths: &Paths) -> Result<(), Failure> {
    if home {
        let message = "PORTLEASE_HOME is set, and a service serves your own directories";
        return Err(Failure::new(Exit::Failed, message).hint("unset PORTLEASE_HOME, or run portlease daemon"));
    }
    if cfg!(target_os = "linux") && paths.runtime() == paths.state().join("run") {
        let uid = rustix::process::geteuid().as_raw();
        let message = "there is no runtime directory of yours: XDG_RUNTIME_DIR does not name one, \
                       as after su, sudo or in cron";
        return Err(Failure::new(Exit::Failed, message)
            .hint(format!("log in as this user, or: export XDG_RUNTIME_DIR=/run/user/{uid}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use portlease_proto::BaseDirs;

    use super::*;

    #[test]
    fn another_home_and_no_runtime_directory_are_told() {
        let dirs = BaseDirs {
            state: "/h/.local/state/portlease".into(),
            runtime: Some("/run/user/1/portlease".into()),
            ..BaseDirs::default()
        };
        let paths = Paths::resolve(dirs.clone());
        assert!(judge(false, &paths).is_ok());
        assert!(judge(true, &Paths::under(Path::new("/x"))).unwrap_err().message.contains("PORTLEASE_HOME"));
        let without = Paths::resolve(BaseDirs { runtime: None, ..dirs });
        let failure = judge(false, &without).unwrap_err();
        assert!(failure.message.contains("XDG_RUNTIME_DIR"), "{failure:?}");
        assert!(failure.hint.unwrap().contains("export XDG_RUNTIME_DIR=/run/user/"));
    }
}

//! Whether a service manager starts the daemon at login.

use std::{env, fs, path::PathBuf};

use portlease_proto::Check;

const ID: &str = "service";

/// Where service managers look.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// systemd's user units: the user's own directory first.
    systemd: Vec<PathBuf>,
    /// launchd's agents.
    launchd: Vec<PathBuf>,
}

impl Places {
    /// As the environment says.
    pub(super) fn of_this_machine() -> Self {
        let home = env::home_dir();
        let under = |dir: &str| home.as_ref().map(|home| home.join(dir));
        if cfg!(target_os = "macos") {
            let agents = under("Library/LaunchAgents").into_iter().chain(["/Library/LaunchAgents".into()]);
            return Self { launchd: agents.collect(), ..Self::default() };
        }
        let dir = |variable: &str, otherwise: &str| {
            let named = env::var_os(variable).map(PathBuf::from).filter(|dir| dir.is_absolute());
            named.or_else(|| under(otherwise)).map(|dir| dir.join("systemd/user"))
        };
        let own = [dir("XDG_CONFIG_HOME", ".config"), dir("XDG_DATA_HOME", ".local/share")];
        let all = ["/etc/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user"];
        let systemd = own.into_iter().flatten().chain(all.map(PathBuf::from)).collect();
        Self { systemd, ..Self::default() }
    }
}

/// Without a service all works as well: commands start the daemon.
pub(super) fn check(places: &Places) -> Check {
    let there = |path: &PathBuf| fs::symlink_metadata(path).is_ok();
    if let Some(plist) = places.launchd.iter().map(|dir| dir.join("portlease.plist")).find(there) {
        return Check::ok(ID, format!("launchd starts it: {}", plist.display()));
    }
    let Some(unit) = places.systemd.iter().map(|dir| dir.join("portlease.service")).find(there) else {
        return Check::ok(
            ID,
            "none: commands start the daemon when they need it; portlease service install has it there from login on",
        );
    };
    // Where `systemctl enable` leaves its links.
    let wanted = |link: &str| places.systemd.iter().any(|dir| there(&dir.join(link)));
    if wanted("default.target.wants/portlease.service") {
        return Check::ok(ID, format!("systemd starts it at login: {}", unit.display()));
    }
    // As packages have it.
    if wanted("sockets.target.wants/portlease.socket") {
        return Check::ok(ID, format!("systemd starts it at the first request: {}", unit.display()));
    }
    Check::warn(
        ID,
        format!("{} is there, and systemd does not start it at login", unit.display()),
        "set it up: portlease service install",
    )
}

#[cfg(test)]
mod tests {
    use std::fs::{File, create_dir_all};

    use portlease_proto::CheckStatus;

    use super::*;

    #[test]
    fn none_installed_enabled() {
        let temp = tempfile::tempdir().unwrap();
        let places =
            Places { systemd: vec![temp.path().join("none"), temp.path().into()], ..Places::default() };
        assert_eq!(check(&places).status, CheckStatus::Ok);
        assert!(check(&places).summary.starts_with("none"));
        File::create(temp.path().join("portlease.service")).unwrap();
        assert_eq!(check(&places).status, CheckStatus::Warn);
        let sockets = temp.path().join("sockets.target.wants");
        create_dir_all(&sockets).unwrap();
        std::os::unix::fs::symlink("../portlease.socket", sockets.join("portlease.socket")).unwrap();
        assert_eq!(check(&places).status, CheckStatus::Ok);
        assert!(check(&places).summary.starts_with("systemd starts it at the first request"));
        let wants = temp.path().join("default.target.wants");
        create_dir_all(&wants).unwrap();
        std::os::unix::fs::symlink("../portlease.service", wants.join("portlease.service")).unwrap();
        assert!(check(&places).summary.starts_with("systemd starts it at login"));

        let agents = Places { launchd: vec![temp.path().into()], ..Places::default() };
        assert!(check(&agents).summary.starts_with("none"));
        File::create(temp.path().join("portlease.plist")).unwrap();
        assert!(check(&agents).summary.starts_with("launchd starts it"));
    }
}

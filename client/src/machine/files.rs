//! Whether all files of ours are what they should be: this user's alone.

use std::{
    fs::{self, FileType},
    io,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
};

use portlease_proto::{Check, Paths};

const ID: &str = "files";

/// What a path should be.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Directory,
    File,
    Socket,
    /// Others may read what the owner of the machine has settled.
    Settings,
}

/// A check for each that is not; else one for all.
pub(super) fn check(paths: &Paths) -> Vec<Check> {
    let all = all(paths);
    let found: Vec<Result<bool, Check>> = all.iter().map(|(kind, path)| one(*kind, path)).collect();
    let seen = found.iter().filter(|found| matches!(found, Ok(true))).count();
    let ill: Vec<Check> = found.into_iter().filter_map(Result::err).collect();
    match ill.is_empty() {
        true => vec![Check::ok(ID, format!("{seen} files and directories, this user's alone"))],
        false => ill,
    }
}

fn all(paths: &Paths) -> Vec<(Kind, PathBuf)> {
    let registry = paths.registry();
    let beside = |ending: &str| {
        let mut path = registry.clone().into_os_string();
        path.push(ending);
        PathBuf::from(path)
    };
    vec![
        (Kind::Directory, paths.runtime().to_owned()),
        (Kind::Directory, paths.state().to_owned()),
        (Kind::Socket, paths.socket()),
        (Kind::File, paths.token()),
        (Kind::File, paths.endpoint()),
        (Kind::File, paths.lock()),
        (Kind::File, paths.start_lock()),
        (Kind::File, registry.clone()),
        (Kind::File, beside("-wal")),
        (Kind::File, beside("-shm")),
        (Kind::File, paths.registry_lock()),
        (Kind::File, paths.log()),
        (Kind::Settings, paths.config_file()),
    ]
}

/// Whether it is there and well. What is not there yet is made when it is
/// needed.
fn one(kind: Kind, path: &Path) -> Result<bool, Check> {
    let shown = path.display();
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => {
            return Err(Check::fail(
                ID,
                format!("{shown} cannot be looked at: {error}"),
                format!("see: ls -ld {shown}"),
            ));
        }
    };
    if !kind.is(metadata.file_type()) {
        let summary = format!("{shown} is no {}", kind.word());
        return Err(Check::fail(ID, summary, format!("move it away: mv {shown} {shown}.old")));
    }
    let ours = rustix::process::geteuid().as_raw();
    if metadata.uid() != ours {
        let summary = format!("{shown} belongs to user {}, not to this user ({ours})", metadata.uid());
        return Err(Check::fail(ID, summary, format!("take it back: sudo chown {ours} {shown}")));
    }
    let (mode, (wanted, refused)) = (metadata.mode() & 0o7777, kind.mode());
    if mode & refused != 0 {
        let summary = format!("{shown} is open to other users (mode {mode:04o})");
        return Err(Check::fail(ID, summary, format!("close it: chmod {wanted} {shown}")));
    }
    Ok(true)
}

impl Kind {
    fn is(self, found: FileType) -> bool {
        match self {
            Self::Directory => found.is_dir(),
            Self::File => found.is_file(),
            Self::Socket => found.is_socket(),
            // A link to a file that is kept elsewhere is usual.
            Self::Settings => found.is_file() || found.is_symlink(),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::File | Self::Settings => "file",
            Self::Socket => "socket",
        }
    }

    /// The mode to set, and the bits that must not be there.
    fn mode(self) -> (&'static str, u32) {
        match self {
            Self::Directory => ("700", 0o077),
            Self::File | Self::Socket => ("600", 0o077),
            // A link has all of them, and they mean nothing.
            Self::Settings => ("go-w", 0o022),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{File, Permissions},
        os::unix::fs::{PermissionsExt, symlink},
    };

    use portlease_proto::CheckStatus;

    use super::*;

    #[test]
    fn every_kind_of_fault() {
        let temp = tempfile::tempdir().unwrap();
        let paths = Paths::under(&temp.path().join("home"));
        let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        let faults = || -> Vec<String> {
            let checks = check(&paths).into_iter();
            checks.filter(|check| check.status == CheckStatus::Fail).map(|check| check.fix.unwrap()).collect()
        };
        assert_eq!(faults(), [] as [String; 0], "nothing is there");
        fs::create_dir_all(paths.runtime()).unwrap();
        mode(paths.runtime(), 0o700);
        mode(paths.state(), 0o700);
        for path in [paths.token(), paths.registry(), paths.config_file()] {
            File::create(&path).unwrap();
            mode(&path, 0o600);
        }
        assert_eq!(check(&paths)[0].summary, "5 files and directories, this user's alone");
        mode(&paths.config_file(), 0o644);
        assert_eq!(faults(), [] as [String; 0]);
        for (path, wrong, fix) in [
            (paths.runtime().to_owned(), 0o755, "700"),
            (paths.state().to_owned(), 0o710, "700"),
            (paths.token(), 0o640, "600"),
            (paths.registry(), 0o602, "600"),
            (paths.config_file(), 0o666, "go-w"),
        ] {
            let before = fs::metadata(&path).unwrap().permissions();
            mode(&path, wrong);
            assert_eq!(faults(), [format!("close it: chmod {fix} {}", path.display())]);
            fs::set_permissions(&path, before).unwrap();
        }
        File::create(paths.socket()).unwrap();
        mode(&paths.socket(), 0o600);
        assert_eq!(faults().len(), 1, "a file in place of the socket");
        fs::remove_file(paths.socket()).unwrap();
        fs::remove_file(paths.token()).unwrap();
        symlink(paths.registry(), paths.token()).unwrap();
        assert_eq!(faults().len(), 1, "a link in place of the token");
    }

    #[test]
    #[ignore = "needs root: .ci/run runs it"]
    fn a_file_of_another_user() {
        let temp = tempfile::tempdir().unwrap();
        let paths = Paths::under(temp.path());
        File::create(paths.registry()).unwrap();
        std::os::unix::fs::chown(paths.registry(), Some(65_534), None).unwrap();
        let checks = check(&paths);
        let told = checks.iter().any(|check| check.summary.contains("belongs to user 65534"));
        assert!(told, "{checks:?}");
    }
}

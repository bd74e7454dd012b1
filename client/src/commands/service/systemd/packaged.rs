//! Units that a package brought, for all users: where they do what this user's
//! own would, none are written over them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::units::{SERVICE, Unit};

/// Where the machine's units for users lie, in systemd's order.
const DIRECTORIES: [&str; 4] =
    ["/etc/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user", "/lib/systemd/user"];

/// The machine's units.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packaged {
    pub(super) directory: PathBuf,
}

impl Packaged {
    /// Those of this machine, if it has any.
    pub(super) fn find() -> Option<Self> {
        Self::in_one_of(DIRECTORIES.map(PathBuf::from))
    }

    fn in_one_of(directories: impl IntoIterator<Item = PathBuf>) -> Option<Self> {
        let mut found = directories.into_iter().filter(|directory| directory.join(SERVICE).is_file());
        found.next().map(|directory| Self { directory })
    }

    /// Whether they do what these would, and nothing in `own` comes before them.
    pub(super) fn serve_as(&self, units: &[Unit], own: &Path) -> bool {
        units.iter().all(|unit| {
            let there = fs::read_to_string(self.directory.join(unit.name)).unwrap_or_default();
            meaning(&there) == meaning(&unit.text) && fs::symlink_metadata(own.join(unit.name)).is_err()
        })
    }
}

/// What is neither a comment nor a matter of taste.
fn meaning(unit: &str) -> Vec<String> {
    let lines = unit.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.replace('"', "")).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Write};

    use portlease_proto::Port;

    use super::{
        super::units::{Settings, TCP, units},
        *,
    };

    const PROGRAM: &str = "/usr/bin/portlease";

    fn write(directory: &Path, name: &str, text: &str) {
        File::create(directory.join(name)).unwrap().write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn they_serve_who_would_write_the_same() {
        let (temp, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let settings =
            |program, port| Settings { program, port: Some(Port::constant(port)), environment: Vec::new() };
        let same = units(&settings(PROGRAM, 62893));
        let none = [own.path().to_owned(), temp.path().to_owned()];
        assert_eq!(Packaged::in_one_of(none.clone()), None);
        for unit in &same {
            // As packaging/assets makes them: without quotes, and without the comment on top.
            let text = unit.text.replace(&format!("\"{PROGRAM}\""), PROGRAM);
            let (_, text) = text.split_once("[Unit]").unwrap();
            write(temp.path(), unit.name, &format!("[Unit]{text}"));
        }
        let packaged = Packaged::in_one_of(none).unwrap();
        assert_eq!(packaged.directory, temp.path());
        assert!(packaged.serve_as(&same, own.path()));
        for other in [settings("/home/ada/bin/portlease", 62893), settings(PROGRAM, 7000)] {
            assert!(!packaged.serve_as(&units(&other), own.path()), "{other:?}");
        }
        let elsewhere = Settings {
            environment: vec![("XDG_STATE_HOME", "/data".to_owned())],
            ..settings(PROGRAM, 62893)
        };
        assert!(!packaged.serve_as(&units(&elsewhere), own.path()));
        // systemd takes the user's own before the machine's.
        write(own.path(), TCP, "");
        assert!(!packaged.serve_as(&same, own.path()));
    }
}

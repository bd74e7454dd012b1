//! Each shell, and how it is made to show what it offers: by its own completion
//! system, which reads the registration from where packages put it.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use super::{PORTLEASE, support::Home};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Shell {
    /// As bash completes: the function that was registered, with COMP_* set.
    Bash,
    /// In a terminal of zsh's own (zpty), which is typed into.
    Zsh,
    /// `complete -C` is the list that fish would show.
    Fish,
}

pub(crate) const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

impl Shell {
    fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }

    /// What it offers for this line, sorted.
    pub(crate) fn offers(self, home: &Home, dir: &Path, line: &str) -> Vec<String> {
        let place = tempfile::tempdir().unwrap();
        // The names under which each shell finds them by itself.
        let file = match self {
            Self::Bash => "portlease",
            Self::Zsh => "_portlease",
            Self::Fish => "portlease.fish",
        };
        let said = home.run(&["completions", self.name()]);
        assert_eq!((said.code, said.stderr.as_str()), (0, ""));
        let registration = fs::File::create(place.path().join(file));
        std::io::Write::write_all(&mut registration.unwrap(), said.stdout.as_bytes()).unwrap();
        let mut command = match self {
            Self::Bash => Command::new("bash"),
            Self::Zsh => Command::new("zsh"),
            Self::Fish => Command::new("fish"),
        };
        match self {
            Self::Bash => command.args(["--norc", "-c", include_str!("ask.bash"), "bash", line]),
            Self::Zsh => command.args(["-f", "-c", include_str!("ask.zsh"), "zsh", line]),
            Self::Fish => command.args([
                "--no-config",
                "-c",
                "set fish_complete_path $PLACE; complete -C $argv[1]",
                line,
            ]),
        };
        let bin = Path::new(PORTLEASE).parent().unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        command.env_clear().env("PATH", path).env("PORTLEASE_HOME", home.dir()).env("HOME", place.path());
        command.env("PLACE", place.path()).env("TERM", "dumb").current_dir(dir).stdin(Stdio::null());
        let output = command.output().unwrap();
        let (text, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && errors.is_empty(), "{self:?}: {line}: {text}{errors}");
        // fish shows what it is about behind a tab.
        let words = text.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned());
        let mut words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
        words.sort();
        words
    }
}

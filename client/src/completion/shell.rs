//! The lines that make a shell ask.

use clap::ValueEnum;
use clap_complete::env::{EnvCompleter, Fish, Zsh};

use super::VARIABLE;

/// A shell that can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// bash, from 3.2 on.
    Bash,
    /// zsh, after compinit.
    Zsh,
    /// fish.
    Fish,
}

impl Shell {
    /// For `source`, and as a file where the shell looks for completions.
    /// `program` is what it is to run: a path, or the name alone.
    pub(crate) fn registration(self, program: &str) -> String {
        let library = |shell: &dyn EnvCompleter| {
            let mut text = Vec::new();
            // Nothing fails that writes into memory.
            let _never = shell.write_registration(VARIABLE, "portlease", "portlease", program, &mut text);
            String::from_utf8_lossy(&text).into_owned()
        };
        match self {
            Self::Bash => include_str!("bash.sh").replace("@PROGRAM@", &quoted(program)),
            // As a file of its own, zsh runs it at the first Tab and expects
            // an answer, too.
            Self::Zsh => format!("{}{}", library(&Zsh), include_str!("zsh-tail.zsh")),
            Self::Fish => library(&Fish),
        }
    }
}

/// As bash reads it.
fn quoted(program: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte);
    match program.bytes().all(plain) {
        true => program.to_owned(),
        false => format!("'{}'", program.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_for_bash_if_it_must_be() {
        for (program, written) in
            [("portlease", "portlease"), ("/a b/x", "'/a b/x'"), ("/it's/$x", r"'/it'\''s/$x'")]
        {
            assert_eq!(quoted(program), written);
            assert!(Shell::Bash.registration(program).contains(&format!(" {written} -- ")));
        }
    }
}

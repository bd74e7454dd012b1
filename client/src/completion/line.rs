//! The words before the cursor, as far as they tell what could follow.

use std::ffi::{OsStr, OsString};

use clap::{ArgMatches, CommandFactory};

use crate::args::Args;

/// A command line that is being typed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// The first name after the command.
    pub(super) name: Option<String>,
    /// The value of `--project`.
    pub(super) project: Option<String>,
    /// The words after `--`, if that was typed.
    pub(super) command: Option<Vec<OsString>>,
}

impl Line {
    /// `words` are those between the program's name and the one that is being
    /// typed. What is wrong in them is left to the command that they become.
    pub(super) fn of(words: &[OsString]) -> Self {
        let end = words.iter().position(|word| word == "--");
        let command = end.and_then(|end| words.get(end + 1..)).map(<[OsString]>::to_vec);
        let ours = words.get(..end.unwrap_or(words.len())).unwrap_or_default();
        // An option without its value would take the next word.
        let parser = Args::command().ignore_errors(true).no_binary_name(true);
        let matches = parser.try_get_matches_from(ours).ok();
        let matches = matches.as_ref().and_then(ArgMatches::subcommand).map(|(_, matches)| matches);
        let first = |id| matches.and_then(|matches| raw(matches, id));
        Self { name: first("name"), project: first("project"), command }
    }
}

fn raw(matches: &ArgMatches, id: &str) -> Option<String> {
    let mut values = matches.try_get_raw(id).ok().flatten()?;
    values.next().and_then(OsStr::to_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &str, name: Option<&str>, project: Option<&str>, command: Option<&str>) {
        let split = |words: &str| words.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        let expected = Line {
            name: name.map(str::to_owned),
            project: project.map(str::to_owned),
            command: command.map(split),
        };
        assert_eq!(Line::of(&split(words)), expected, "{words}");
    }

    #[test]
    fn what_was_typed_before() {
        check("", None, None, None);
        check("show", None, None, None);
        check("show shop", Some("shop"), None, None);
        check("get shop@fix --json", Some("shop@fix"), None, None);
        check("get --project shop", None, Some("shop"), None);
        check("get --project=shop web", Some("web"), Some("shop"), None);
        // Not yet a command line: options and arguments are missing.
        check("get shop --port", Some("shop"), None, None);
        check("mv", None, None, None);
        check("nonsense", None, None, None);
        check("run --", None, None, Some(""));
        check("run --project shop -- npm run", None, Some("shop"), Some("npm run"));
    }
}

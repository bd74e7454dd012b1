//! The command that was asked for, without the others: to describe them all
//! takes a process longer than everything else that it does for one request.

use std::ffi::OsString;

use clap::{Args, Command as Parser};

use super::Command;

/// What the words after the program's name say, if they are a well-formed use
/// of a command that programs and shells call often. Whatever else they are, a
/// mistake or a call for help, is for the whole parser to say.
pub(crate) fn narrowly(words: impl IntoIterator<Item = OsString>) -> Option<Command> {
    let mut words = words.into_iter();
    let name = words.next()?;
    match name.to_str()? {
        "get" => only(words).map(Command::Get),
        "run" => only(words).map(Command::Run),
        "env" => only(words).map(Command::Env),
        "list" => only(words).map(Command::List),
        "show" => only(words).map(Command::Show),
        "release" => only(words).map(Command::Release),
        "renew" => only(words).map(Command::Renew),
        "who" => only(words).map(Command::Who),
        "ports" => only(words).map(Command::Ports),
        "status" => only(words).map(Command::Status),
        "token" => only(words).map(Command::Token),
        "daemon" => only(words).map(Command::Daemon),
        "stage" => only(words).map(Command::Stage),
        _ => None,
    }
}

fn only<T: Args>(words: impl Iterator<Item = OsString>) -> Option<T> {
    let parser = T::augment_args(Parser::new("portlease").no_binary_name(true));
    T::from_arg_matches_mut(&mut parser.try_get_matches_from(words).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args;

    fn words(line: &str) -> impl Iterator<Item = OsString> {
        line.split_whitespace().map(OsString::from)
    }

    fn whole(line: &str) -> Option<String> {
        let parsed = args::Args::try_parse_from(words("portlease").chain(words(line)));
        parsed.ok().map(|args| format!("{:?}", args.command))
    }

    #[track_caller]
    fn check(line: &str, understood: bool) {
        let narrow = narrowly(words(line)).map(|command| format!("{command:?}"));
        assert_eq!(narrow.is_some(), understood, "{line}");
        if understood {
            assert_eq!(narrow, whole(line), "{line}");
        }
    }

    #[test]
    fn what_is_understood_is_what_the_whole_parser_understands() {
        for line in [
            "get",
            "get --project shop web",
            "get shop web --prefer 3000,3001 --range 3000-3999 --json --explain",
            "get shop --port 5432 --ttl 60 --protocol tcp --count 3 --hold --strict --force --reset",
            "get -- --shop",
            "run --hold api -- npm run -- --get",
            "env",
            "list --all --watch",
            "show shop",
            "release shop db --json",
            "renew shop --ttl 5",
            "who 3000",
            "ports",
            "status --json",
            "token",
            "daemon --port 6289 --pool 30000-30999 --grpc-port-server --set limits.kept_percent=0 --detach",
            "stage 7 --listens -- sh -c true",
        ] {
            check(line, true);
        }
    }

    #[test]
    fn the_rest_is_for_the_whole_parser() {
        for line in [
            "",
            "--help",
            "--version",
            "get --help",
            "get -h",
            "get --version",
            "get -V",
            "get a b c",
            "get --nothing",
            "get --port 0",
            "get --port 1 --prefer 2",
            "run npm run dev",
            "gets",
            "service status",
            "config",
            "help get",
        ] {
            check(line, false);
        }
    }

    /// Each name stands for its own command: what the whole parser makes of the
    /// name alone, it makes of it, too.
    #[test]
    fn every_name_is_its_own() {
        use clap::CommandFactory;

        for command in args::Args::command().get_subcommands() {
            let name = command.get_name();
            if let Some(narrow) = narrowly(words(name)) {
                assert_eq!(Some(format!("{narrow:?}")), whole(name), "{name}");
            }
        }
    }
}

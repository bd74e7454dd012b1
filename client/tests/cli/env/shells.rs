//! What each shell makes of it. They are asked for, not looked for: a shell
//! that is missing fails the test.

use std::{
    collections::BTreeMap,
    process::{Command, Output},
};

use super::{Disk, NASTY, disk_with, expected};

const PORTLEASE: &str = env!("CARGO_BIN_EXE_portlease");

/// A shell, how it is started and how it takes the variables.
struct Shell {
    command: &'static [&'static str],
    eval: &'static str,
}

const SHELLS: [Shell; 6] = [
    Shell { command: &["bash", "--norc", "-c"], eval: POSIX },
    Shell { command: &["bash", "--posix", "-c"], eval: POSIX },
    Shell { command: &["dash", "-c"], eval: POSIX },
    Shell { command: &["zsh", "-f", "-c"], eval: POSIX },
    Shell { command: &["zsh", "-f", "-o", "rcquotes", "-c"], eval: POSIX },
    Shell {
        command: &["fish", "--no-config", "-c"],
        eval: "false; $PORTLEASE env --format fish (string split --no-empty ' ' -- $ARGS) | source; or exit 9",
    },
];
/// It must end by `set -e` alone. Unquoted ARGS are no argument when empty.
const POSIX: &str = "set -e; eval \"$(\"$PORTLEASE\" env ${ARGS:+\"$ARGS\"})\"";

impl Shell {
    /// Runs a script after the variables were taken in a directory.
    fn run(&self, disk: &Disk, dir: &str, args: &str, then: &str) -> Output {
        // The environment is that of portlease in the tests.
        let like = disk.command(&disk.path(dir), &[]);
        let mut command = Command::new(self.command[0]);
        command.args(&self.command[1..]).arg(format!("{}; {then}", self.eval)).env_clear();
        command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("PORTLEASE", PORTLEASE).env("ARGS", args).current_dir(disk.path(dir)).output().unwrap()
    }
}

#[test]
fn every_value_arrives_in_every_shell() {
    let disk = disk_with(&NASTY);
    let port = disk.run("home/shop", &["get", "web"]).port().unwrap().to_string();
    for shell in SHELLS {
        let output = shell.run(&disk, "home/shop", "", "env -0");
        assert!(output.status.success(), "{:?}: {output:?}", shell.command);
        let text = String::from_utf8(output.stdout).unwrap();
        let mut seen: BTreeMap<String, String> = text
            .split_terminator('\0')
            .map(|entry| entry.split_once('=').unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        assert_eq!(seen.get("PORT"), Some(&port), "{:?}", shell.command);
        seen.retain(|name, _| name.starts_with('V') && name[1..].parse::<usize>().is_ok());
        assert_eq!(seen, expected(&NASTY), "{:?}", shell.command);
    }
}

#[test]
fn every_shell_stops_when_there_are_no_variables() {
    let disk = disk_with(&[]);
    disk.dir("home/nothing");
    disk.write("home/broken/portlease.toml", "projct = 1\n");
    for shell in SHELLS {
        for (dir, args) in [
            ("home/nothing", ""),
            ("home/broken", ""),
            ("home/shop", "--nonsense"),
            ("home/shop", "--root=/"),
        ] {
            let output = shell.run(&disk, dir, args, "echo reached");
            let reached = String::from_utf8(output.stdout).unwrap();
            // The last of them is in order: the check itself must be able to fail.
            let well = args == "--root=/";
            assert_eq!(reached, if well { "reached\n" } else { "" }, "{:?} {dir} {args}", shell.command);
            assert_eq!(output.status.success(), well, "{:?} {dir} {args}", shell.command);
            assert_eq!(output.stderr.is_empty(), well, "{:?} {dir} {args}", shell.command);
        }
    }
}

#[test]
fn what_is_printed_in_place_of_variables() {
    let disk = disk_with(&[]);
    for (args, stdout) in [
        (&["env", "--project", "a b"][..], "false\n"),
        (&["env", "--format", "fish", "--project", "a b"], "false\n"),
        (&["env", "--format", "powershell", "--project", "a b"], "throw 'portlease env failed'\n"),
        (&["env", "--format", "dotenv", "--project", "a b"], ""),
        (&["env", "--format", "json", "--project", "a b"], ""),
        (&["env", "--write", "x", "--project", "a b"], ""),
        (&["env", "--format", "cmd"], "false\n"),
        (&["env", "--format", "json", "more"], ""),
        (&["get", "--nonsense"], ""),
    ] {
        let ran = disk.run("home/shop", args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, stdout), "{args:?} {ran:?}");
    }
    let alone = disk.command(&disk.path("home/shop"), &["env"]).env("PORTLEASE_NO_AUTOSTART", "1").output();
    let alone = super::super::Ran::from(alone.unwrap());
    assert_eq!((alone.code, alone.stdout.as_str()), (69, "false\n"));
    let help = disk.run("home/shop", &["env", "--help"]);
    assert!(help.code == 0 && !help.stdout.contains("false\n"), "{help:?}");
}

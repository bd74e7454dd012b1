//! What the program tells of itself: manual pages, topics, the version. None of
//! it needs a daemon or a home.

use std::{fs, process::Command};

use super::{Ran, support::Home};

fn home() -> Home {
    Home::new(vec![env!("CARGO_BIN_EXE_portlease").into()], "")
}

/// Runs without anything that could be asked or started.
fn alone(args: &[&str]) -> Ran {
    let home = home();
    let mut command = home.command(args);
    let ran = Ran::from(command.env_remove("PORTLEASE_HOME").output().unwrap());
    assert!(home.daemons().is_empty());
    ran
}

#[test]
fn a_page_for_every_command_that_formatters_read_without_a_word() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("share/man1");
    let ran = alone(&["man", "--dir", dir.to_str().unwrap()]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran:?}");
    let mut pages: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    let names: Vec<_> = pages.iter().map(|page| page.file_name().unwrap().to_str().unwrap()).collect();
    for name in ["portlease.1", "portlease-get.1", "portlease-run.1", "portlease-completions.1"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    // What nobody is to type has no page.
    assert!(!names.contains(&"portlease-stage.1"), "{names:?}");
    let listed = alone(&["--help"]).stdout;
    let commands = listed.lines().skip_while(|line| *line != "Commands:").skip(1);
    // A command of a command, such as portlease-service-install.1, is not listed there.
    let first = names.iter().filter(|name| name.matches('-').count() < 2).count();
    assert_eq!(commands.take_while(|line| !line.is_empty()).count() + 1, first, "{listed}{names:?}");
    for page in pages {
        // Each says what it warns of, and groff ends with 0 all the same.
        for (formatter, args) in
            [("groff", &["-man", "-ww", "-z", "-Tutf8"][..]), ("mandoc", &["-T", "lint", "-W", "warning"])]
        {
            let output = Command::new(formatter).args(args).arg(&page).output().unwrap();
            let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            // The same source is to make the same page, so it has no date.
            let said: Vec<_> = said.lines().filter(|line| !line.contains("WARNING: missing date")).collect();
            assert!(said.is_empty(), "{formatter}: {said:?}");
        }
    }
}

#[test]
fn a_page_has_examples_line_by_line() {
    let page = alone(&["man", "get"]);
    assert_eq!((page.code, page.stderr.as_str()), (0, ""));
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("get.1");
    std::io::Write::write_all(&mut fs::File::create(&file).unwrap(), page.stdout.as_bytes()).unwrap();
    let shown = Command::new("mandoc").args(["-T", "ascii", "-O", "width=100"]).arg(&file).output().unwrap();
    // Bold is a letter over itself.
    let shown: String = String::from_utf8(shown.stdout).unwrap();
    let example = "     portlease get myapp --port 5432          this one, or exit code 4";
    assert!(shown.lines().any(|line| line.trim_end().ends_with(example.trim_start())), "{shown}");
    let unknown = alone(&["man", "gte"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (2, ""));
}

#[test]
fn help_lists_commands_and_topics() {
    let all = alone(&["help"]);
    assert_eq!((all.code, all.stderr.as_str()), (0, ""));
    let (commands, topics) = all.stdout.split_once("\nTopics, with portlease help TOPIC:\n").unwrap();
    assert!(commands.contains("\n  get ") && topics.contains("\n  worktrees  a port of its own"), "{all:?}");
    assert_eq!(alone(&["help", "get"]).stdout, alone(&["get", "--help"]).stdout);
    let topic = alone(&["help", "worktrees"]);
    assert!(topic.code == 0 && topic.stdout.starts_with("Worktrees: a port of its own"), "{topic:?}");
    // What is both is told as both.
    let both = alone(&["help", "run"]).stdout;
    assert!(
        both.starts_with(&alone(&["run", "--help"]).stdout) && both.contains("\nRun: an app on"),
        "{both}"
    );
}

#[test]
fn a_topic_that_there_is_not() {
    let ran = alone(&["help", "worktree"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert_eq!(
        ran.stderr,
        "error: there is no command and no topic \"worktree\"\n\
         hint: portlease help worktrees, or portlease help for all\n"
    );
    assert_eq!(alone(&["help", "stage"]).code, 2, "what is hidden is not there");
    assert_eq!(alone(&["help", "get", "web"]).code, 2);
}

#[cfg(debug_assertions)]
#[test]
fn a_build_for_development_names_no_commit() {
    let version = alone(&["--version"]).stdout;
    let known = concat!("portlease ", env!("CARGO_PKG_VERSION"));
    // Those that are given away do: .ci/packages looks.
    assert_eq!(version, format!("{known} (development build)\n"));
}

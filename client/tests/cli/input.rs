//! Bad input: a clear error, and nothing has changed.

use insta::assert_snapshot;

use super::{apart::home_apart, fails, show, support::Home};

#[test]
fn what_is_not_understood_is_usage() {
    let home = home_apart();
    let long = "x".repeat(64);
    for args in [
        &["get", ""][..],
        &["get", &long],
        &["get", "../x"],
        &["get", "a\u{7}b"],
        &["get", "é"],
        &["get", "a", "b@c"],
        &["get", "a", "b", "c"],
        &["get"],
        &["get", "a", "--port", "0"],
        &["get", "a", "--port", "-1"],
        &["get", "a", "--port", "65536"],
        &["get", "a", "--port", "web"],
        &["get", "a", "--prefer", "0"],
        &["get", "a", "--prefer", "3000,web"],
        &["get", "a", "--port", "3000", "--prefer", "3001"],
        &["get", "a", "--port", "3000", "--range", "4000-4001"],
        &["get", "a", "--range", "300-200"],
        &["get", "a", "--range", "300"],
        &["get", "a", "--protocol", "sctp"],
        &["get", "a", "--root", "/no/such/directory"],
        &["show"],
        &["show", "../x"],
        &["release", ""],
        &["frobnicate"],
    ] {
        fails(&home.run(args), 2);
    }
    assert_eq!(home.run(&["list", "--json"]).json()["leases"], serde_json::json!([]));
}

#[test]
fn run_without_its_hyphens_is_told_with_them() {
    let home = home_apart();
    for (typed, meant) in [
        (&["run", "npm", "run", "dev"][..], "portlease run -- npm run dev"),
        (&["run", "--hold", "npm"], "portlease run --hold -- npm"),
        (&["run", "./serve", "--port", "{port}"], "portlease run -- ./serve --port {port}"),
    ] {
        let ran = home.run(typed);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert!(ran.stderr.starts_with("error: "), "{ran:?}");
        assert!(ran.stderr.ends_with(&format!("\nhint: {meant}\n")), "{ran:?}");
    }
    let ran = home.run(&["run"]);
    assert!(ran.code == 2 && !ran.stderr.contains("hint: "), "{ran:?}");
    assert!(!home.run(&["run", "npm", "--help"]).stderr.contains("hint: "));
}

#[test]
fn errors_say_what_and_what_to_type() {
    let home = home_apart();
    let shown = |args: &[&str]| show(&home, args, &[]);
    assert_snapshot!(shown(&["get"]), @r"
    $ portlease get
    error: which project? neither here nor above is there a portlease.toml or a git repository
    hint: portlease get NAME, or set PORTLEASE_PROJECT
    [exit 2]
    ");
    assert_snapshot!(shown(&["get", "a\u{1b}[2Jb"]).replace('\u{1b}', "ESC"), @r#"
    $ portlease get aESC[2Jb
    error: invalid project name "a\u{1b}[2Jb": a name is 1 to 63 characters of A-Z a-z 0-9 . _ -, the first a letter or a digit
    [exit 2]
    "#);
    assert_snapshot!(shown(&["get", "a", "--port", "-1"]), @r#"
    $ portlease get a --port -1
    error: invalid value '-1' for '--port <N>': invalid port "-1": a port is a whole number from 1 to 65535

    For more information, try '--help'.
    [exit 2]
    "#);
    assert_snapshot!(shown(&["get", "a", "--port", "6000"]), @r#"
    $ portlease get a --port 6000
    error: port 6000 is not given: browsers refuse to open it (ERR_UNSAFE_PORT)
    hint: ask for another port, or add --force ("force": true)
    [exit 4]
    "#);
    assert_snapshot!(shown(&["get", "a", "--port", "22000"]), @r#"
    $ portlease get a --port 22000
    error: port 22000 is not given: it is the port of Syncthing
    hint: ask for another port, or add --force ("force": true)
    [exit 4]
    "#);
    assert_snapshot!(shown(&["show", "nobody"]), @r"
    $ portlease show nobody
    error: no lease nobody
    hint: see which there are: portlease list
    [exit 3]
    ");
    assert_snapshot!(shown(&["release", "nobody", "web"]), @r"
    $ portlease release nobody web
    error: no lease nobody/web
    hint: see which there are: portlease list
    [exit 3]
    ");
}

#[test]
fn a_daemon_that_does_not_start_says_why() {
    let binary = vec![env!("CARGO_BIN_EXE_portlease").into()];
    let home = Home::new(binary, "pol = \"20000-20009\"\n");
    let names = [(home.dir().display().to_string(), "[home]")];
    assert_snapshot!(show(&home, &["get", "a"], &names), @r#"
    $ portlease get a
    error: the daemon does not start: the configuration [home]/config.toml is wrong: did you mean `pool`?
    TOML parse error at line 1, column 1
      |
    1 | pol = "20000-20009"
      | ^^^
    unknown field `pol`, expected one of `pool`, `exclude`, `synchronous`, `auth`, `api`, `limits`, `compat`
    [exit 69]
    "#);
}

#[test]
fn without_a_daemon_and_without_leave_to_start_one() {
    let home = home_apart();
    for args in [&["status"][..], &["get", "a"], &["list"]] {
        let output = home.command(args).env("PORTLEASE_NO_AUTOSTART", "1").output().unwrap();
        let ran = super::Ran::from(output);
        fails(&ran, 69);
        assert!(ran.stderr.contains("hint: start it: portlease daemon"), "{ran:?}");
    }
    assert!(home.daemons().is_empty());
}

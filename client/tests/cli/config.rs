//! `portlease config`, and settings by flag and by variable.

use std::{fs::File, io::Write, process::Stdio};

use super::{
    Ran,
    apart::{Apart, home_apart},
    fails,
};

fn configure(home: &Apart, text: &str) {
    File::create(home.dir().join("config.toml")).unwrap().write_all(text.as_bytes()).unwrap();
}

fn line<'a>(ran: &'a Ran, key: &str) -> &'a str {
    ran.stdout.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("{key}: {ran:?}"))
}

#[test]
fn each_value_is_told_with_its_source() {
    let home = home_apart();
    // No daemon is started for it.
    let ran = home.run(&["config"]);
    assert!(ran.code == 0 && ran.stderr.contains("no daemon runs") && home.daemons().is_empty(), "{ran:?}");
    assert!(line(&ran, "pool ").contains("config.toml"), "{ran:?}");
    assert_eq!(
        line(&ran, "auth ").split_whitespace().collect::<Vec<_>>(),
        ["auth", "=", "\"user\"", "default"]
    );

    let mut daemon =
        home.command(&["daemon", "--json", "--exclude", "5000,7000-7010", "--set", "limits.kept_percent=7"]);
    daemon.env("PORTLEASE_SYNCHRONOUS", "full").stdout(Stdio::piped()).stderr(Stdio::null());
    let mut daemon = daemon.spawn().unwrap();
    let mut first = [0; 1];
    std::io::Read::read_exact(daemon.stdout.as_mut().unwrap(), &mut first).unwrap();
    let ran = home.run(&["config"]);
    assert!(ran.code == 0 && ran.stderr.is_empty(), "{ran:?}");
    for (key, value, who) in [
        ("exclude", "[\"5000\",\"7000-7010\"]", "flag --exclude"),
        ("limits.kept_percent", "7", "flag --set"),
        ("synchronous", "\"full\"", "environment PORTLEASE_SYNCHRONOUS"),
        ("limits.connections", "512", "default"),
    ] {
        assert!(
            line(&ran, key).contains(&format!("= {value} ")) && line(&ran, key).ends_with(who),
            "{ran:?}"
        );
    }
    let json = home.run(&["config", "--json"]).json();
    assert_eq!(
        (&json["settings"][1]["key"], &json["settings"][1]["source"]),
        (&"exclude".into(), &"--exclude".into())
    );

    // A file that was changed since is told, and so is what brings it in.
    configure(&home, "[limits]\nleases_per_project = 5");
    let ran = home.run(&["config"]);
    assert!(ran.stderr.contains(&format!("kill -HUP {}", daemon.id())), "{ran:?}");
    configure(&home, "pol = 1");
    assert!(home.run(&["config"]).stderr.contains("config --check"));
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

#[test]
fn a_file_is_checked_before_it_takes_its_place() {
    let home = home_apart();
    let ran = home.run(&["config", "--check"]);
    assert!(
        ran.code == 0 && ran.stdout.is_empty() && ran.stderr.contains("good; settings in it: 2"),
        "{ran:?}"
    );
    let file = home.dir().join("new.toml");
    File::create(&file).unwrap().write_all(b"\npool = \"9-3\"\n").unwrap();
    let ran = home.run(&["config", "--check", file.to_str().unwrap()]);
    fails(&ran, 1);
    for part in ["new.toml", "line 2, column 8", "reversed range 9-3", "docs --config"] {
        assert!(ran.stderr.contains(part), "{part}: {ran:?}");
    }
    let gone = home.run(&["config", "--check", "/nowhere/at/all"]);
    fails(&gone, 1);
    assert!(gone.stderr.contains("there is no file /nowhere/at/all"), "{gone:?}");
    assert!(home.daemons().is_empty());
}

#[test]
fn a_wrong_flag_or_variable_is_told_and_starts_nothing() {
    let home = home_apart();
    for (args, named) in [
        (&["--pool", "9-3"][..], "--pool is wrong: reversed range 9-3"),
        (&["--port", "0"], "--port is wrong"),
        (&["--set", "limits.kept=3"], "did you mean `limits.kept_percent`?"),
        (&["--set", "pool"], "--set is wrong"),
    ] {
        let ran = home.run(&[&["daemon"], args].concat());
        fails(&ran, 2);
        assert!(ran.stderr.contains(named), "{named}: {ran:?}");
    }
    let ran = Ran::from(home.command(&["daemon"]).env("PORTLEASE_AUTH", "none").output().unwrap());
    fails(&ran, 2);
    assert!(ran.stderr.contains("PORTLEASE_AUTH is wrong"), "{ran:?}");
    assert!(!home.dir().join("registry.db").exists());
}

//! Two daemons that do not see each other, and one place for both.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::Signal;

use crate::{
    daemon::{Daemon, Home, overwrite},
    support::{
        http::{Connection, PATIENCE, request},
        ports::POOL,
    },
};

/// A daemon with a registry of its own, whose other files lie where those of
/// every one here do.
fn start<'a>(home: &'a Home, name: &str, api: u16) -> Daemon<'a> {
    let config = home.path(&format!("{name}/config/portlease"));
    fs::create_dir_all(&config).unwrap();
    overwrite(&config.join("config.toml"), &format!("[api]\nport = {api}\n"));
    let mut command = Command::new("env");
    command.args(["-u", "PORTLEASE_HOME"]);
    for (variable, place) in [
        ("HOME", name.to_owned()),
        ("XDG_CONFIG_HOME", format!("{name}/config")),
        ("XDG_STATE_HOME", format!("{name}/state")),
        ("XDG_RUNTIME_DIR", "shared".to_owned()),
    ] {
        command.arg(format!("{variable}={}", home.path(&place).display()));
    }
    command.arg(env!("CARGO_BIN_EXE_portleased"));
    let daemon = home.spawn_as(command);
    daemon.wait_for_word("serving ");
    daemon
}

/// Every file there, and what is in those that can be read.
fn files(place: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let entries = fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.map(|path| (path.clone(), fs::read(path).ok())).collect();
    files.sort();
    files
}

#[test]
fn who_has_lost_its_place_takes_nothing_away() {
    // By itself, and told to end before it has seen that.
    for told in [None, Some(Signal::TERM)] {
        let home = Home::new();
        fs::create_dir(home.path("shared")).unwrap();
        let place = home.path("shared/portlease");
        let mut first = start(&home, "first", home.api());
        // While it cannot put them back, its files go, and another comes.
        first.signal(Signal::STOP);
        home.delete("shared/portlease");
        let _second = start(&home, "second", home.ports.at(POOL - 2));
        let there = files(&place);
        assert_eq!(there.len(), 4, "{there:?}");

        if let Some(signal) = told {
            first.signal(signal);
        }
        first.signal(Signal::CONT);
        assert!(first.exit(PATIENCE).success(), "{}", first.said());
        assert_eq!(files(&place), there, "{}", first.said());
        let mut connection = Connection::unix(&place.join("portlease.sock")).unwrap();
        connection.send(request("GET", "/v1/health", ""));
        connection.answer().json(200);
    }
}

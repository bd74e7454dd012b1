//! Directories and files: whose they are, and that they come back.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::Path,
    process::Command,
};

use crate::daemon::{Home, overwrite};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Everything under a directory, itself included.
fn walk(path: &Path) -> Vec<std::path::PathBuf> {
    let mut found = vec![path.to_owned()];
    if path.is_dir() {
        found.extend(fs::read_dir(path).unwrap().flat_map(|entry| walk(&entry.unwrap().path())));
    }
    found
}

#[test]
fn nothing_is_open_to_others_whatever_the_umask() {
    let home = Home::new();
    // Whoever makes this directory has not thought of others.
    fs::set_permissions(home.path(""), fs::Permissions::from_mode(0o777)).unwrap();
    fs::remove_file(home.path("config.toml")).unwrap();
    let mut careless = Command::new("sh");
    careless.args(["-c", "umask 0; exec \"$0\"", env!("CARGO_BIN_EXE_portleased")]);
    let mut daemon = home.spawn_as(careless);
    daemon.put("myapp/web").json(201);

    let there = walk(&home.path(""));
    for name in
        ["registry.db", "registry.db-wal", "registry.lock", "run/lock", "run/token", "run/endpoint.json"]
    {
        assert!(there.contains(&home.path(name)), "{name}: {there:?}");
    }
    for path in there {
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(format!("{:o}", mode(&path)), format!("{expected:o}"), "{}", path.display());
    }
}

#[test]
fn a_home_that_is_open_to_others_is_refused() {
    for (made, named) in [("home", ""), ("runtime directory", "run")] {
        let home = Home::new();
        fs::DirBuilder::new().mode(0o700).recursive(true).create(home.path("run")).unwrap();
        overwrite(&home.path("run/something"), "");
        overwrite(&home.path("registry.db"), "");
        let open = home.path(named);
        let open = open.to_str().unwrap().trim_end_matches('/');
        fs::set_permissions(open, fs::Permissions::from_mode(0o755)).unwrap();
        let said = home.fails();
        assert!(said.contains(&format!("chmod 700 {open}")), "{made}: {said}");
        assert_eq!(mode(Path::new(open)), 0o755);
        assert_eq!(fs::read(home.path("registry.db")).unwrap(), b"");
    }
}

#[test]
fn a_deleted_runtime_directory_comes_back() {
    let home = Home::new();
    let mut daemon = home.start();
    let lease = daemon.put("myapp/web").json(201);
    let before = daemon.health();
    home.delete("run");

    daemon.wait_for_files();
    assert_eq!(daemon.health(), before);
    assert_eq!(daemon.put("myapp/web").json(200), lease);
    assert_eq!((mode(&home.path("run")), mode(&home.socket())), (0o700, 0o600));
    assert!(home.fails().contains("running already"));
}

#[test]
fn a_deleted_socket_comes_back() {
    let home = Home::new();
    let mut daemon = home.start();
    fs::remove_file(home.socket()).unwrap();
    assert_eq!(daemon.health()["endpoint"]["pid"], daemon.pid());
}

#[test]
fn a_deleted_home_comes_back() {
    let home = Home::new();
    let mut daemon = home.start();
    let lease = daemon.put("myapp/web").json(201);
    home.delete("");

    daemon.wait_for_files();
    assert_eq!((mode(&home.path("")), mode(&home.path("run"))), (0o700, 0o700));
    let other = daemon.put("other/web").json(201);
    assert!(home.fails().contains("running already"));
    daemon.kill();
    home.configure(home.api(), "");
    let mut daemon = home.start();
    assert_eq!(daemon.put("myapp/web").json(200), lease);
    assert_eq!(daemon.put("other/web").json(200), other);
}

//! `portlease init` in directories as people have them.

use std::fs;

use insta::assert_snapshot;

use super::{directories::Disk, fails};

fn read(disk: &Disk, path: &str) -> String {
    String::from_utf8(fs::read(disk.path(path)).unwrap()).unwrap()
}

fn shop() -> Disk {
    let disk = Disk::new();
    disk.write("home/shop/.git/HEAD", "ref: refs/heads/main\n");
    disk.write(
        "home/shop/package.json",
        r#"{"scripts": {"dev": "next dev"}, "dependencies": {"next": "16"}}"#,
    );
    disk.write("home/shop/compose.yaml", "services:\n  db:\n    ports: [\"5432:5432\"]\n");
    disk
}

#[test]
fn what_would_be_written_is_shown_and_then_written() {
    let disk = shop();
    let shown = disk.run("home/shop", &["init", "--dry-run"]);
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
    assert_snapshot!(shown.stdout, @r##"
    project = "shop"

    # package.json: next
    [services.web]
    prefer = 3000
    env = "PORT"

    # compose.yaml: service db
    # publish it as "${DB_PORT:?run portlease env --write .env}:5432"
    [services.db]
    prefer = 5432
    env = "DB_PORT"
    "##);
    let ran = disk.run("home/shop", &["init"]);
    assert_eq!((ran.code, &ran.stdout), (2, &shown.stdout));
    assert_snapshot!(ran.stderr, @r"
    error: nothing was written: there is nobody to ask
    hint: portlease init --yes
    ");
    assert!(!disk.path("home/shop/portlease.toml").exists());

    let ran = disk.run("home/shop", &["init", "--yes"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    assert_eq!(ran.stderr, "portlease: wrote portlease.toml: portlease env prints its variables\n");
    assert_eq!(read(&disk, "home/shop/portlease.toml"), shown.stdout);
    let env = disk.run("home/shop", &["env"]);
    assert!(env.code == 0 && env.stdout.contains("DB_PORT=") && env.stdout.contains("PORT="), "{env:?}");
    assert_eq!(fs::read_dir(disk.path("home/shop")).unwrap().count(), 4, "nothing else is left");
}

#[test]
fn a_manifest_is_not_overwritten() {
    let disk = shop();
    disk.write("home/shop/portlease.toml", "project = \"mine\"\n");
    let ran = disk.run("home/shop", &["init", "--yes"]);
    fails(&ran, 1);
    assert_snapshot!(ran.stderr, @r"
    error: there is a portlease.toml here already
    hint: see what would be written: portlease init --dry-run; write it: portlease init --force
    ");
    assert_eq!(read(&disk, "home/shop/portlease.toml"), "project = \"mine\"\n");
    assert_eq!(disk.run("home/shop", &["init", "--yes", "--force"]).code, 0);
    let text = read(&disk, "home/shop/portlease.toml");
    assert!(text.starts_with("project = \"mine\"\n") && text.contains("[services.db]"), "{text}");
    // One that makes no sense can be replaced, too.
    disk.write("home/shop/portlease.toml", "projct = 1");
    assert_eq!(disk.run("home/shop", &["init", "--yes", "--force", "--project", "shop"]).code, 0);
}

#[test]
fn what_a_project_is_called() {
    let disk = shop();
    let name = |dir: &str, args: &[&str]| {
        disk.dir(dir);
        let ran = disk.run(dir, &[&["init", "--dry-run"], args].concat());
        ran.stdout.lines().next().unwrap_or(&ran.stderr).to_owned()
    };
    assert_eq!(name("home/shop", &[]), "project = \"shop\"");
    assert_eq!(name("home/shop/packages/api", &[]), "project = \"shop-api\"");
    assert_eq!(name("home/My App (2)", &[]), "project = \"My-App-2\"");
    assert_eq!(name("home/日本", &["--project", "nihon"]), "project = \"nihon\"");
    for (args, named) in
        [(&[][..], "no name can be made"), (&["--project", "a@b"], "a@b"), (&["--project", "-"], "\"-\"")]
    {
        let error = name("home/日本", args);
        assert!(error.starts_with("error: ") && error.contains(named), "{error}");
    }
    // A linked worktree writes the manifest of all of them.
    disk.write(
        "home/fix/.git",
        &format!("gitdir: {}\n", disk.path("home/shop/.git/worktrees/fix").display()),
    );
    disk.write("home/shop/.git/worktrees/fix/commondir", "../..\n");
    assert_eq!(name("home/fix", &[]), "project = \"shop\"");
}

#[test]
fn what_cannot_be_read_is_told() {
    let disk = shop();
    disk.write("home/shop/package.json", "{\"scripts\":");
    disk.dir("home/shop/.env");
    fs::File::create(disk.path("home/shop/Gemfile")).unwrap().set_len(2 << 20).unwrap();
    let ran = disk.run("home/shop", &["init", "--dry-run"]);
    assert_snapshot!(ran.stderr, @r##"
    portlease: package.json was left out: EOF while parsing a value at line 1 column 11
    portlease: Gemfile was left out: it is longer than 1 MiB
    "##);
    assert!(ran.code == 0 && ran.stdout.contains("[services.db]"), "{ran:?}");
}

/// It knows nothing of a daemon, and starts none.
#[test]
fn nothing_is_started() {
    let disk = shop();
    let mut command = disk.command(&disk.path("home/shop"), &["init", "--dry-run"]);
    let ran = super::Ran::from(command.env_remove("PORTLEASE_HOME").env_remove("HOME").output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
}

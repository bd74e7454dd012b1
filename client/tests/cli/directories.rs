//! Projects as directories, with real git: which name and which port each has
//! when nothing is named on the command line.

use std::{
    fs::{self, DirBuilder},
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    Ran,
    apart::{Apart, home_apart},
    fails,
};

/// A home directory with repositories in it, and a daemon.
pub(super) struct Disk {
    portlease: Apart,
    temp: tempfile::TempDir,
}

impl Disk {
    pub(super) fn new() -> Self {
        Self { portlease: home_apart(), temp: tempfile::tempdir().unwrap() }
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.temp.path().join(path)
    }

    pub(super) fn dir(&self, path: &str) -> PathBuf {
        let path = self.path(path);
        DirBuilder::new().recursive(true).create(&path).unwrap();
        path
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        DirBuilder::new().recursive(true).create(path.parent().unwrap()).unwrap();
        std::io::Write::write_all(&mut fs::File::create(path).unwrap(), text.as_bytes()).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// Runs git, without the settings of whoever runs the tests.
    fn git(&self, dir: &str, args: &[&str]) {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=ada", "-c", "user.email=ada@example.org"]);
        command.args(["-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main"]).args(args);
        command.current_dir(self.path(dir)).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("GIT_CONFIG_NOSYSTEM", "1");
        let output = command.env("HOME", self.temp.path()).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// A repository with one commit.
    pub(super) fn repository(&self, path: &str) {
        self.dir(path);
        self.git(path, &["init", "--quiet"]);
        self.git(path, &["commit", "--quiet", "--allow-empty", "--message", "begin"]);
    }

    /// `portlease` in a directory, at home in the one of all repositories.
    pub(super) fn command(&self, dir: &Path, args: &[&str]) -> Command {
        let mut command = self.portlease.command(args);
        command.current_dir(dir).env("HOME", self.path("home"));
        command
    }

    pub(super) fn run(&self, dir: &str, args: &[&str]) -> Ran {
        Ran::from(self.command(&self.path(dir), args).output().unwrap())
    }

    /// The project, the root and the port of a directory.
    fn get(&self, dir: &str) -> (String, PathBuf, u64) {
        let ran = self.run(dir, &["get", "--json"]);
        assert_eq!(ran.code, 0, "{dir}: {ran:?}");
        let lease = ran.json();
        let text = |field: &str| lease[field].as_str().unwrap().to_owned();
        (text("project"), text("root").into(), lease["port"].as_u64().unwrap())
    }

    fn name(&self, dir: &str) -> String {
        self.get(dir).0
    }
}

#[test]
fn worktrees_of_one_repository_have_ports_of_their_own() {
    let disk = Disk::new();
    disk.repository("home/shop");
    disk.git("home/shop", &["worktree", "add", "--quiet", "../fix"]);
    disk.git("home/shop", &["worktree", "add", "--quiet", "../else/fix", "-b", "other"]);
    let all = [disk.get("home/shop"), disk.get("home/fix"), disk.get("home/else/fix")];
    assert_eq!(all.each_ref().map(|(name, ..)| name.as_str()), ["shop", "shop@fix", "shop@fix1"]);
    let mut ports = all.each_ref().map(|(.., port)| *port);
    ports.sort_unstable();
    assert!(ports.array_windows().all(|[a, b]| a != b), "{all:?}");

    // The branch changes under a running server; the port does not.
    disk.git("home/fix", &["switch", "--quiet", "--create", "another"]);
    disk.dir("home/fix/src/deep");
    assert_eq!(disk.get("home/fix"), all[1]);
    assert_eq!(disk.get("home/fix/src/deep"), all[1]);
    assert_eq!(disk.get("home/shop"), all[0]);
}

#[test]
fn a_worktree_whose_main_checkout_was_renamed_keeps_its_name() {
    let disk = Disk::new();
    disk.repository("home/shop");
    disk.git("home/shop", &["worktree", "add", "--quiet", "../fix"]);
    let before = disk.get("home/fix");
    disk.rename("home/shop", "home/store");
    assert_eq!(disk.get("home/fix"), before);
    assert_eq!(before.0, "shop@fix");
}

#[test]
fn a_directory_that_was_moved_or_renamed_keeps_its_port() {
    let disk = Disk::new();
    disk.repository("home/shop");
    disk.git("home/shop", &["worktree", "add", "--quiet", "../fix"]);
    let (main, fix) = (disk.get("home/shop"), disk.get("home/fix"));
    let db = disk.run("home/shop", &["get", "shop", "db"]).port().unwrap();

    disk.dir("home/else");
    disk.rename("home/shop", "home/else/store");
    let ran = disk.run("home/else/store", &["get"]);
    assert_eq!(ran.port().map(u64::from), Ok(main.2));
    let was = disk.path("home/shop").display().to_string();
    assert_eq!(ran.stderr, format!("portlease: this is shop from now on: it was {was}\n"));
    assert_eq!(disk.run("home/else/store", &["get"]).stderr, "", "said once");
    assert_eq!(disk.get("home/else/store"), (main.0, disk.path("home/else/store"), main.2));
    assert_eq!(disk.run("home/else/store", &["show", "--json"]).json()["leases"][0]["port"], db);

    disk.rename("home/fix", "home/fixed");
    assert_eq!(disk.get("home/fixed"), (fix.0, disk.path("home/fixed"), fix.2));
}

#[test]
fn two_clones_of_one_name_are_told_apart() {
    let disk = Disk::new();
    disk.repository("home/shop");
    disk.dir("home/else");
    disk.git("home/else", &["clone", "--quiet", "../shop"]);
    let first = disk.get("home/shop");
    // Nobody else's leases are shown, renewed or released by its name.
    for command in ["show", "renew", "release"] {
        fails(&disk.run("home/else/shop", &[command]), 3);
    }
    let ran = disk.run("home/else/shop", &["get"]);
    let other = disk.path("home/shop").display().to_string();
    assert_eq!(ran.stderr, format!("portlease: this is shop@2 from now on: shop is {other}\n"));
    let second = disk.get("home/else/shop");
    assert_eq!((second.0.as_str(), Ok(second.2)), ("shop@2", ran.port().map(u64::from)));
    assert_ne!(first.2, second.2);
    assert_eq!(disk.get("home/shop"), first);
    assert_eq!(disk.run("home/else/shop", &["get"]).stderr, "", "said once");

    // A daemon that was killed knows as much.
    disk.portlease.kill(rustix::process::Signal::KILL);
    assert_eq!(disk.get("home/else/shop"), second);
    assert_eq!(disk.run("home/else/shop", &["show", "--json"]).json()["leases"][0]["project"], "shop@2");
    assert_eq!(disk.run("home/else/shop", &["release"]).code, 0);
    assert_eq!(disk.get("home/shop"), first);
    assert_eq!(disk.run("home/shop", &["show", "--json"]).json()["leases"].as_array().unwrap().len(), 1);
    // By name it is a root that contradicts, as ever.
    let ran = disk.run("home", &["get", "shop", "--root", disk.path("home/else").to_str().unwrap()]);
    fails(&ran, 1);
}

#[test]
fn worktrees_of_a_bare_repository_are_named_after_it() {
    let disk = Disk::new();
    disk.repository("home/shop");
    disk.git("home", &["clone", "--quiet", "--bare", "shop", "store.git"]);
    disk.git("home/store.git", &["worktree", "add", "--quiet", "../fix"]);
    assert_eq!(disk.name("home/fix"), "store@fix");
    // The bare repository itself is no checkout.
    fails(&disk.run("home/store.git", &["get"]), 2);
}

#[test]
fn a_submodule_is_a_project_of_its_own() {
    let disk = Disk::new();
    disk.repository("home/lib");
    disk.repository("home/shop");
    disk.git("home/shop", &["submodule", "--quiet", "add", "../lib", "vendor/lib"]);
    disk.git("home/shop", &["commit", "--quiet", "--message", "lib"]);
    assert!(disk.path("home/shop/vendor/lib/.git").is_file());
    assert_eq!(disk.name("home/shop/vendor"), "shop");
    assert_eq!(disk.name("home/shop/vendor/lib"), "lib");
    disk.git("home/shop", &["worktree", "add", "--quiet", "../fix"]);
    disk.git("home/fix", &["submodule", "--quiet", "update", "--init"]);
    assert_eq!(disk.name("home/fix/vendor/lib"), "lib@fix");
}

#[test]
fn a_symbolic_link_leads_to_the_same_project() {
    let disk = Disk::new();
    disk.repository("home/shop");
    std::os::unix::fs::symlink(disk.path("home/shop"), disk.path("home/link")).unwrap();
    let direct = disk.get("home/shop");
    assert_eq!(disk.get("home/link"), direct);
    // A shell that came by the link says so.
    let mut command = disk.command(&disk.path("home/link"), &["get", "--json"]);
    let ran = Ran::from(command.env("PWD", disk.path("home/link")).output().unwrap());
    assert_eq!(ran.json()["project"], "shop");
    assert_eq!(ran.json()["port"], direct.2);
}

#[test]
fn gits_variables_do_not_matter() {
    let disk = Disk::new();
    disk.repository("home/shop");
    disk.repository("home/other");
    let mut command = disk.command(&disk.path("home/shop"), &["get", "--json"]);
    command.env("GIT_DIR", disk.path("home/other/.git")).env("GIT_WORK_TREE", disk.path("home/other"));
    assert_eq!(Ran::from(command.output().unwrap()).json()["project"], "shop");
    // As in a hook: the directory of the repository itself.
    assert_eq!(disk.name("home/shop/.git"), "shop");
}

#[test]
fn the_home_directory_is_no_project_and_neither_is_nothing() {
    let disk = Disk::new();
    disk.repository("home");
    disk.write("home/portlease.toml", "project = \"home\"\n");
    disk.dir("home/notes");
    for dir in ["home", "home/notes"] {
        let ran = disk.run(dir, &["get"]);
        fails(&ran, 2);
        assert!(ran.stderr.contains("hint: portlease get NAME, or set PORTLEASE_PROJECT"), "{ran:?}");
    }
    // The same directory, for somebody who is at home elsewhere.
    let mut command = disk.command(&disk.path("home/notes"), &["get", "--json"]);
    let ran = Ran::from(command.env("HOME", disk.path("nowhere")).output().unwrap());
    assert_eq!(ran.json()["project"], "home");
}

#[test]
fn a_monorepo_with_manifests_in_its_packages() {
    let disk = Disk::new();
    disk.repository("home/mono");
    disk.write("home/mono/packages/api/portlease.toml", "project = \"api\"\n");
    disk.write("home/mono/packages/web/portlease.toml", "project = \"web\"\n");
    disk.dir("home/mono/packages/web/src");
    disk.dir("home/mono/packages/docs");
    assert_eq!(disk.name("home/mono/packages/api"), "api");
    let web = disk.get("home/mono/packages/web/src");
    assert_eq!((web.0.as_str(), web.1), ("web", disk.path("home/mono/packages/web")));
    assert_eq!(disk.name("home/mono/packages/docs"), "mono");
    disk.git("home/mono", &["add", "."]);
    disk.git("home/mono", &["commit", "--quiet", "--message", "packages"]);
    disk.git("home/mono", &["worktree", "add", "--quiet", "../fix"]);
    assert_eq!(disk.name("home/fix/packages/api"), "api@fix");
}

#[test]
fn a_directory_that_no_name_can_be_made_of() {
    let disk = Disk::new();
    disk.repository("home/My App (2)");
    assert_eq!(disk.name("home/My App (2)"), "My-App-2");
    disk.repository("home/日本語");
    let ran = disk.run("home/日本語", &["get"]);
    fails(&ran, 2);
    assert!(ran.stderr.contains("write project = \"NAME\" into portlease.toml"), "{ran:?}");
}

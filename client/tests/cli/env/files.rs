//! `--write`: its own lines in somebody else's file.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
};

use super::{Disk, disk_with, fails};

const FILE: &str = "home/shop/.env.local";

fn read(disk: &Disk) -> String {
    String::from_utf8(fs::read(disk.path(FILE)).unwrap()).unwrap()
}

fn write(disk: &Disk) -> crate::Ran {
    disk.run("home/shop", &["env", "--write", ".env.local"])
}

#[test]
fn its_lines_are_kept_up_to_date() {
    let disk = disk_with(&[]);
    let ran = write(&disk);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    assert_eq!(ran.stderr, "portlease: wrote DB_PORT, PORT to .env.local\n");
    let port = |service: &str| disk.run("home/shop", &["get", service]).port().unwrap();
    let (web, db) = (port("web"), port("db"));
    let block = |port: u16, end: &str| {
        let lines = ["# >>> portlease >>>", &format!("DB_PORT='{db}'"), &format!("PORT='{port}'")];
        format!("{}{end}# <<< portlease <<<", lines.join(end))
    };
    assert_eq!(read(&disk), format!("{}\n", block(web, "\n")));
    // A new file has the mode that any new file has.
    disk.write("home/shop/any", "");
    let mode = |path: &str| fs::metadata(disk.path(path)).unwrap().mode();
    assert_eq!(mode(FILE), mode("home/shop/any"));

    disk.write(FILE, &format!("SECRET=1\r\n{}\nno end", block(1, "\n")));
    assert_eq!(write(&disk).code, 0);
    assert_eq!(read(&disk), format!("SECRET=1\r\n{}\nno end", block(web, "\r\n")));
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    let disk = disk_with(&[]);
    write(&disk);
    let before = fs::metadata(disk.path(FILE)).unwrap();
    let ran = write(&disk);
    assert_eq!(ran.stderr, "portlease: DB_PORT, PORT in .env.local are up to date\n");
    let after = fs::metadata(disk.path(FILE)).unwrap();
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()));
}

#[test]
fn mode_owner_and_link_stay() {
    let disk = disk_with(&[]);
    disk.write("home/shared/env", "X=1");
    let target = disk.path("home/shared/env");
    fs::set_permissions(&target, Permissions::from_mode(0o640)).unwrap();
    // Only root can give a file to another.
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&target, Some(12), Some(34)).unwrap();
    }
    let before = fs::metadata(&target).unwrap();
    symlink("../shared/env", disk.path(FILE)).unwrap();
    assert_eq!(write(&disk).code, 0);
    assert!(fs::symlink_metadata(disk.path(FILE)).unwrap().is_symlink());
    assert!(read(&disk).starts_with("X=1\n# >>> portlease >>>\n"));
    let after = fs::metadata(&target).unwrap();
    assert_ne!(before.ino(), after.ino(), "it was written in its place");
    let kept = |metadata: &fs::Metadata| (metadata.mode(), metadata.uid(), metadata.gid());
    assert_eq!(kept(&after), kept(&before));
    assert_eq!(fs::read_dir(disk.path("home/shared")).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn what_is_not_understood_is_left_as_it_is() {
    let disk = disk_with(&[]);
    let text = "A=1\n# >>> portlease >>>\nB=2\n";
    disk.write(FILE, text);
    let ran = write(&disk);
    fails(&ran, 1);
    insta::assert_snapshot!(ran.stderr, @r##"error: .env.local was left as it is: line 2 is "# >>> portlease >>>", and "# <<< portlease <<<" is not below it"##);
    assert_eq!(read(&disk), text);

    for (file, named) in
        [("/dev/null", "is no file"), (".", "is no file"), ("no/where", "cannot be written: No such")]
    {
        let ran = disk.run("home/shop", &["env", "--write", file]);
        fails(&ran, 1);
        assert!(ran.stderr.contains(named), "{ran:?}");
    }
    symlink("nowhere", disk.path("home/shop/dangling")).unwrap();
    fails(&disk.run("home/shop", &["env", "--write", "dangling"]), 1);
    assert!(fs::symlink_metadata(disk.path("home/shop/dangling")).unwrap().is_symlink());
    let ran = disk.run("home/shop", &["env", "--write", "x", "--format", "json"]);
    fails(&ran, 2);
    assert!(!disk.path("home/shop/x").exists());
}

#[test]
fn a_shell_reads_its_own_form_from_a_file() {
    let disk = disk_with(&["it's"]);
    assert_eq!(disk.run("home/shop", &["env", "--format", "shell", "--write", ".envrc"]).code, 0);
    let mut shell = std::process::Command::new("dash");
    let output =
        shell.args(["-c", ". ./.envrc && printf %s \"$V0\""]).current_dir(disk.path("home/shop")).output();
    assert_eq!(output.unwrap().stdout, b"it's");
}

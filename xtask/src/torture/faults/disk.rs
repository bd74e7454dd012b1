//! Disks that are full, broken, read-only or gone.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use super::{super::run_quietly, End};
use crate::torture::daemon::{Daemon, Home};

fn mount(args: &[&str], at: &Path) -> Result<()> {
    run_quietly(Command::new("mount").args(args).arg(at))
}

/// 4 MiB of memory for a disk.
pub(super) fn small(home: &Home) -> Result<()> {
    mount(&["-t", "tmpfs", "-o", "size=4m,mode=700", "none"], &home.path(""))?;
    home.configure()
}

/// A file with a real file system in it.
pub(super) fn ext4(home: &Home) -> Result<()> {
    let image = home.beside("image");
    File::create(&image)?.set_len(8 << 20)?;
    run_quietly(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image))?;
    let image = image.to_string_lossy().into_owned();
    mount(&["-o", "loop,errors=remount-ro", &image], &home.path(""))?;
    fs::remove_dir(home.path("lost+found"))?;
    run_quietly(Command::new("chmod").arg("700").arg(home.path("")))?;
    home.configure()
}

/// Takes all the room that there is, and keeps taking what is freed.
pub(super) fn fill(home: &Home, _: &Daemon) -> Result<End> {
    let path = home.path("filler");
    let mut file = File::create(&path)?;
    loop {
        match file.write(&[0; 4096]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => break,
            Err(error) => bail!(error),
        }
    }
    Ok(Box::new(move || Ok(fs::remove_file(path)?)))
}

/// The file system has met an error and is read-only from now on, also for
/// files that are open: the kernel lets nobody but itself do that to it. It is
/// over when another disk is there, with nothing on it.
pub(super) fn abort(home: &Home, _: &Daemon) -> Result<End> {
    let at = home.path("");
    let _it_says_that_it_failed = Command::new("mount").args(["-o", "remount,abort"]).arg(&at).output()?;
    let still = OpenOptions::new().append(true).create(true).open(home.path("probe"));
    ensure!(still.is_err(), "the file system goes on");
    let fresh = home.beside("fresh");
    let config = fs::read(home.path("config.toml"))?;
    Ok(Box::new(move || {
        run_quietly(Command::new("umount").arg("--lazy").arg(&at))?;
        // What is there must be private, and is as it was before the disk was.
        ensure!(!fresh.exists() && fs::read_dir(&at)?.next().is_some(), "nothing lay under the disk");
        Ok(File::create(at.join("config.toml"))?.write_all(&config)?)
    }))
}

/// With all that is in it.
pub(super) fn remove(home: &Home, _: &Daemon) -> Result<End> {
    let (path, away) = (home.path(""), home.beside("away"));
    fs::rename(&path, &away).context("taking it away")?;
    Ok(Box::new(move || Ok(fs::remove_dir_all(away)?)))
}

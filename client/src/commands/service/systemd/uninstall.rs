//! `portlease service uninstall`: sockets first, so that nobody starts the
//! service again; then all that install and the daemon left.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use portlease_proto::Paths;

use super::{
    packaged::Packaged,
    place, systemctl,
    units::{SERVICE, TCP, UNIX},
};
use crate::{
    args::UninstallArgs,
    commands::service::{
        files::{self, remove_empty, remove_file},
        handover::Handover,
        line,
        place::check,
    },
    exit::Failure,
    output,
};

pub(in crate::commands::service) async fn uninstall(
    paths: &Paths,
    args: &UninstallArgs,
) -> Result<(), Failure> {
    check(paths)?;
    let handover = Handover::begin(paths).await?;
    // Without a manager there is nothing to stop, and all the same to remove.
    match systemctl::check() {
        Ok(()) => stop()?,
        Err(failure) => output::note(&failure.message),
    }
    if let Some(pid) = handover.end_daemon(paths)? {
        line("ended", &format!("the daemon that ran (pid {pid})"));
    }
    let home = env::home_dir();
    remove_units(&place::directory()?, home.as_deref(), args.purge)?;
    if systemctl::check().is_ok() {
        systemctl::run(&["daemon-reload"])?;
    }
    let removed = files::remove(paths, home.as_deref(), args.purge)?;
    line("removed", &format!("what the daemon left ({removed})"));
    drop(handover);
    if let Some(Packaged { directory }) = Packaged::find() {
        output::note(&format!(
            "the units of the machine stay in {}, and serve from the next login on; to be without them: \
             systemctl --user mask --now {UNIX} {TCP} {SERVICE}",
            directory.display()
        ));
    }
    if paths.registry().exists() {
        output::note(&format!("leases stay in {}; --purge removes them", paths.registry().display()));
    }
    if paths.config_file().exists() {
        output::note(&format!("your settings stay: {}", paths.config_file().display()));
    }
    Ok(())
}

fn stop() -> Result<(), Failure> {
    let known = |unit: &&str| systemctl::state(unit).is_ok_and(|state| !state.path.is_empty());
    for units in [&[UNIX, TCP][..], &[SERVICE]] {
        let there: Vec<&str> = units.iter().copied().filter(|unit| known(unit)).collect();
        if there.is_empty() {
            continue;
        }
        systemctl::run(&[&["stop"], &there[..]].concat())?;
        line("stopped", &there.join(", "));
        systemctl::run(&[&["disable", "--quiet"], &there[..]].concat())?;
        // What never failed cannot be forgotten; that is no error.
        let _none_failed = systemctl::run(&[&["reset-failed"], &there[..]].concat());
    }
    Ok(())
}

fn remove_units(directory: &Path, home: Option<&Path>, purge: bool) -> Result<(), Failure> {
    for unit in [SERVICE, UNIX, TCP] {
        let path = directory.join(unit);
        // The links that enabling made, where no manager was there to disable.
        for wants in ["default.target.wants", "sockets.target.wants"] {
            let link = directory.join(wants).join(unit);
            if fs::read_link(&link).is_ok_and(|to| to == path || to == PathBuf::from("..").join(unit)) {
                remove_file(&link)?;
                remove_empty(&directory.join(wants), home);
            }
        }
        if remove_file(&path)? {
            line("removed", &path.display().to_string());
        }
        let changes = directory.join(format!("{unit}.d"));
        if changes.exists() {
            match purge {
                true => fs::remove_dir_all(&changes).unwrap_or_default(),
                false => output::note(&format!("your changes stay: {}", changes.display())),
            }
        }
    }
    remove_empty(directory, home);
    Ok(())
}

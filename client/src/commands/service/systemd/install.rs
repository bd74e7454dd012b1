//! `portlease service install`: units written, sockets first, then the daemon,
//! then a request by each way.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use portlease_proto::Paths;
use portleased::config::{Layers, Overrides};

use super::{
    packaged::Packaged,
    place,
    systemctl::{self, State},
    units::{self, SERVICE, Settings, TCP, UNIX, Unit},
};
use crate::{
    commands::service::{failed, handover::Handover, line, place::check, program, verify::verify},
    exit::{Exit, Failure},
    output,
};

/// How often requests may start the service in between.
const TRIES: u32 = 5;

pub(in crate::commands::service) async fn install(paths: &Paths) -> Result<(), Failure> {
    check(paths)?;
    systemctl::check()?;
    let program = program::path()?;
    let units = units_of(paths, &program)?;
    let directory = place::directory()?;

    // From here on no command starts a daemon of its own.
    let handover = Handover::begin(paths).await?;
    let packaged = Packaged::find();
    let changed = match packaged.filter(|packaged| !told_apart(packaged, &units, &directory)) {
        Some(packaged) => {
            line("uses", &format!("{}, the machine's", packaged.directory.join(SERVICE).display()));
            systemctl::run(&["daemon-reload"])?;
            is_read(&packaged.directory)?;
            // They wait for a request, and the service is there at login without being told.
            enable(&[UNIX, TCP])?;
            Vec::new()
        }
        None => {
            let changed = write(&directory, &units)?;
            systemctl::run(&["daemon-reload"])?;
            is_read(&directory)?;
            enable(&[SERVICE, UNIX, TCP])?;
            changed
        }
    };
    start(paths, &handover, &changed, &program)?;
    drop(handover);

    verify(paths, systemctl::state(SERVICE)?.pid).await?;
    if !place::lingers() {
        output::note(
            "it runs while you are logged in; to have it from the start of the machine: loginctl enable-linger",
        );
    }
    Ok(())
}

fn units_of(paths: &Paths, program: &Path) -> Result<Vec<Unit>, Failure> {
    let text = |path: &Path| {
        units::fits(path)
            .map(str::to_owned)
            .ok_or_else(|| Failure::new(Exit::Failed, format!("{} cannot stand in a unit", path.display())))
    };
    let layers = Layers::read(&paths.config_file(), &Overrides::default())
        .map_err(|error| Failure::from_chain(Exit::Failed, &error))?;
    let environment = place::environment().into_iter().map(|(name, dir)| Ok((name, text(&dir)?)));
    Ok(units::units(&Settings {
        program: &text(program)?,
        port: Some(layers.config.api.port),
        environment: environment.collect::<Result<_, Failure>>()?,
    }))
}

/// Whether the machine's units are no good here, which is said: those of a user
/// come before them.
fn told_apart(packaged: &Packaged, units: &[Unit], own: &Path) -> bool {
    let apart = !packaged.serve_as(units, own);
    if apart {
        output::note(&format!(
            "your own units come before those of the machine in {}, which start another program, or with other \
             settings; portlease service uninstall removes yours",
            packaged.directory.display()
        ));
    }
    apart
}

/// Those that are not, for this user; an administrator may have done it for all.
fn enable(units: &[&'static str]) -> Result<(), Failure> {
    let mut missing = Vec::new();
    for unit in units {
        if !systemctl::state(unit)?.is_enabled() {
            missing.push(*unit);
        }
    }
    if !missing.is_empty() {
        systemctl::run(&[&["enable", "--quiet"], &missing[..]].concat())?;
    }
    line("enabled", &units.join(", "));
    Ok(())
}

/// Those whose files were not so before.
fn write(directory: &Path, units: &[Unit]) -> Result<Vec<&'static str>, Failure> {
    let unusable = |error| failed(&format!("{} cannot be written", directory.display()), &error);
    fs::create_dir_all(directory).map_err(unusable)?;
    let mut changed = Vec::new();
    for unit in units {
        let path = directory.join(unit.name);
        if fs::read_to_string(&path).is_ok_and(|text| text == unit.text) {
            line("unchanged", &path.display().to_string());
            continue;
        }
        portlease_local::private::replace(&path, unit.text.as_bytes())
            .map_err(|error| failed("a unit cannot be written", &error))?;
        line("wrote", &path.display().to_string());
        changed.push(unit.name);
    }
    Ok(changed)
}

/// systemd may have been started with other directories than this shell has.
fn is_read(directory: &Path) -> Result<(), Failure> {
    let path = directory.join(SERVICE);
    let read = systemctl::state(SERVICE)?.path;
    if fs::canonicalize(&read).ok() == fs::canonicalize(&path).ok() {
        return Ok(());
    }
    let message = match read.as_str() {
        "" => format!("systemd does not read {}", path.display()),
        read => format!("systemd reads {read}, not {}", path.display()),
    };
    Err(Failure::new(Exit::Failed, message)
        .hint("XDG_CONFIG_HOME of this shell and of systemd differ: systemctl --user show-environment"))
}

fn start(paths: &Paths, handover: &Handover, changed: &[&str], program: &Path) -> Result<(), Failure> {
    // What failed too often before is tried anew; nothing of that is an error.
    let _none_failed = systemctl::run(&["reset-failed", SERVICE, UNIX, TCP]);
    let moved: Vec<&str> = [UNIX, TCP].into_iter().filter(|unit| changed.contains(unit)).collect();
    let service = systemctl::state(SERVICE)?;
    let idle = service.active == "inactive" || service.active == "failed";
    if idle && let Some(pid) = handover.end_daemon(paths)? {
        line("ended", &format!("the daemon that ran (pid {pid}); its leases go on"));
    }
    if !moved.is_empty() {
        // Where a socket listens is settled when it is made.
        systemctl::run(&[&["stop"], &moved[..], &[SERVICE]].concat())?;
    }
    sockets()?;
    match systemctl::state(SERVICE)? {
        State { pid: Some(pid), .. } if is_program(pid, program) && !changed.contains(&SERVICE) => {
            line("runs", &format!("{} (pid {pid}) already", program.display()));
        }
        State { pid: Some(_), .. } => {
            systemctl::run(&["restart", SERVICE])?;
            line("restarted", &format!("as {}", program.display()));
        }
        State { .. } => {
            systemctl::run(&["start", SERVICE])?;
            line("started", &program.display().to_string());
        }
    }
    Ok(())
}

/// Both sockets, with the daemon out of the way: it may have made its own. The
/// one for TCP may fail, when the port is somebody else's.
fn sockets() -> Result<(), Failure> {
    for unit in [UNIX, TCP] {
        for _ in 0..TRIES {
            if systemctl::state(unit)?.is_active() {
                line("listens", unit);
                break;
            }
            systemctl::run(&["stop", SERVICE])?;
            match systemctl::run(&["start", unit]) {
                // A request on the other socket was quicker: systemd makes none
                // for a service that runs.
                Err(_) if systemctl::state(SERVICE)?.pid.is_some() => {}
                Err(_) if unit == TCP => {
                    line("failed", &format!("{unit}: the daemon sees to its port itself"));
                    break;
                }
                Err(failure) => return Err(failure),
                Ok(_) => {}
            }
        }
    }
    Ok(())
}

/// Whether the process is this very program, and not one whose file was replaced.
fn is_program(pid: u32, program: &Path) -> bool {
    let number = |path: PathBuf| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    let running = number(PathBuf::from(format!("/proc/{pid}/exe")));
    running.is_some() && running == number(program.to_owned())
}

//! `portlease service`: the daemon under the service manager of this system.

mod files;
mod handover;
mod place;
mod program;
mod verify;

#[cfg(target_os = "macos")]
mod launchd;
#[cfg(any(target_os = "macos", test))]
mod plist;
#[cfg(target_os = "linux")]
mod systemd;

#[cfg(target_os = "macos")]
use launchd as platform;
#[cfg(target_os = "linux")]
use systemd as platform;

use std::{os::unix::process::CommandExt, process::Command};

use portlease_proto::Paths;

use crate::{
    args::{LogsArgs, ServiceAction, ServiceArgs},
    exit::{Exit, Failure},
    output,
};

pub(crate) async fn service(paths: &Paths, args: &ServiceArgs) -> Result<(), Failure> {
    match &args.action {
        ServiceAction::Install => platform::install(paths).await,
        ServiceAction::Uninstall(args) => platform::uninstall(paths, args).await,
        ServiceAction::Status(args) => platform::status(paths, args).await,
        ServiceAction::Logs(args) => logs(paths, args),
    }
}

/// Becomes the program that shows them.
fn logs(paths: &Paths, args: &LogsArgs) -> Result<(), Failure> {
    let lines = args.lines.to_string();
    let mut command = match platform::journal() {
        Some(journal) => journal,
        None => {
            let log = paths.log();
            if !log.exists() {
                return Err(Failure::new(Exit::Failed, format!("there is no log: {}", log.display()))
                    .hint("a daemon that a command starts writes it: portlease get NAME"));
            }
            // By name, since the file is begun afresh when it is large.
            let mut tail = Command::new("tail");
            tail.arg(if args.follow { "-F" } else { "-q" }).arg("-n").arg(&lines).arg(log);
            return Err(became(&mut tail));
        }
    };
    command.arg("-n").arg(&lines);
    if args.follow {
        command.arg("-f");
    }
    Err(became(&mut command))
}

/// Comes back only if it cannot be run.
fn became(command: &mut Command) -> Failure {
    let error = command.exec();
    let program = command.get_program().to_string_lossy().into_owned();
    Failure::new(Exit::Failed, format!("{program} cannot be run: {error}"))
}

/// A line of what was done, or how it is.
fn line(key: &str, text: &str) {
    output::value(&format!("{key:<9} {}", portlease_proto::escape(text)));
}

fn failed(what: &str, error: &dyn std::error::Error) -> Failure {
    let cause = Failure::from_chain(Exit::Failed, error).message;
    Failure::new(Exit::Failed, format!("{what}: {cause}"))
}

//! One process in words, through sysinfo.

use std::{
    ffi::OsStr,
    time::{Duration, SystemTime},
};

use portlease_proto::Holder;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, Uid, UpdateKind, Users};

use super::Process;
use crate::clock::rfc3339;

/// The longest command line that is shown, in characters.
const MOST: usize = 400;

/// Name, arguments, working directory, user and start of one process.
pub(super) fn describe(pid: u32) -> Option<Process> {
    let mut system = System::new().ok()?;
    let pid = Pid::from_u32(pid);
    let what = ProcessRefreshKind::nothing()
        .with_cmd(UpdateKind::Always)
        .with_cwd(UpdateKind::Always)
        .with_user(UpdateKind::Always);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, what);
    let process = system.process(pid)?;
    let cwd = process.cwd().map(ToOwned::to_owned);
    let holder = Holder {
        pid: Some(pid.as_u32()),
        command: Some(command(process.cmd().iter().map(AsRef::as_ref), process.name())),
        user: process.user_id().map(name_of),
        cwd: cwd.as_ref().map(|cwd| cwd.to_string_lossy().into_owned()),
        since: Some(rfc3339(SystemTime::UNIX_EPOCH + Duration::from_secs(process.start_time()))),
    };
    Some(Process { holder, cwd })
}

/// The arguments in one line; a kernel thread, or a process that hides them,
/// has a name at least.
pub(super) fn command<'a>(arguments: impl Iterator<Item = &'a OsStr>, name: &OsStr) -> String {
    let words: Vec<_> = arguments.map(OsStr::to_string_lossy).collect();
    let line = words.join(" ");
    let line = if line.trim().is_empty() { name.to_string_lossy().into_owned() } else { line };
    match line.char_indices().nth(MOST) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

/// The user's name, or the number.
pub(super) fn user_name(uid: u32) -> String {
    Uid::try_from(uid as usize).map_or_else(|_| uid.to_string(), |uid| name_of(&uid))
}

fn name_of(uid: &Uid) -> String {
    let users = Users::new_with_refreshed_list().ok();
    let name = users.as_ref().and_then(|users| users.get_user_by_id(uid)).map(|user| user.name().to_owned());
    name.unwrap_or_else(|| uid.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_process() {
        let process = describe(std::process::id()).unwrap();
        assert_eq!(process.cwd, std::env::current_dir().ok());
        assert_eq!(process.holder.pid, Some(std::process::id()));
        assert!(process.holder.command.unwrap().contains("portleased"));
        assert_eq!(process.holder.user, Some(user_name(rustix::process::geteuid().as_raw())));
        assert!(describe(u32::MAX / 2).is_none());
    }

    #[test]
    fn users_have_names_or_numbers() {
        assert_eq!(user_name(0), "root");
        assert_eq!(user_name(4_000_000_123), "4000000123");
    }

    #[test]
    fn a_command_is_one_short_line() {
        let line = |words: &[&str]| command(words.iter().map(OsStr::new), OsStr::new("name"));
        assert_eq!(line(&["node", "server.js"]), "node server.js");
        assert_eq!(line(&[]), "name");
        assert_eq!(line(&[&"é".repeat(500)]).chars().count(), MOST + 1);
    }
}

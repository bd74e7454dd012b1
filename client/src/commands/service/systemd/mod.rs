//! The service under systemd's manager of this user.

mod install;
mod packaged;
mod place;
mod status;
mod systemctl;
mod uninstall;
mod units;

use std::process::Command;

pub(super) use install::install;
pub(super) use status::status;
pub(super) use uninstall::uninstall;

/// What shows the service's log; none where systemd does not run it.
pub(super) fn journal() -> Option<Command> {
    let installed = systemctl::state(units::SERVICE).is_ok_and(|state| !state.path.is_empty());
    installed.then(|| {
        let mut journal = Command::new("journalctl");
        journal.args(["--user", "--unit", units::SERVICE]);
        journal
    })
}

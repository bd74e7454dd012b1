//! Being there while an app runs: signals reach it, its stops stop this
//! command, its end is passed on.

use std::io;

use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, kill_current_process_group, kill_process, kill_process_group,
    waitpid,
};
use signal_hook::{
    consts::signal::{SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    low_level::{
        emulate_default_handler,
        siginfo::{Cause, Origin},
    },
};

use super::{End, Ended, Place, Signals, signals::stops};

/// Waits for the end of the app. Blocks, so it wants a thread of its own.
///
/// # Errors
/// The process is not ours to wait for.
pub(crate) fn supervise(signals: &mut Signals, place: &Place, app: Pid) -> io::Result<End> {
    stops().thread_unblock()?;
    let mut asked = false;
    // It may have ended or stopped before anybody listened.
    if let Some(how) = look(place, app)? {
        return Ok(End { how, asked });
    }
    for origin in signals.0.forever() {
        if origin.signal == SIGCHLD {
            if let Some(how) = look(place, app)? {
                return Ok(End { how, asked });
            }
        } else {
            asked |= [SIGHUP, SIGINT, SIGQUIT, SIGTERM].contains(&origin.signal);
            pass(place, app, &origin);
        }
    }
    Err(io::Error::other("no more signals"))
}

/// What became of the app since the last look: its end, if it has ended.
fn look(place: &Place, app: Pid) -> io::Result<Option<Ended>> {
    while let Some((_, status)) = waitpid(Some(app), WaitOptions::NOHANG | WaitOptions::UNTRACED)? {
        if let Some(signal) = status.stopping_signal() {
            stop_too(place, app, signal);
        } else if let Some(ended) = ended(status) {
            place.take(app);
            end_too(place, ended);
            return Ok(Some(ended));
        }
    }
    Ok(None)
}

fn ended(status: WaitStatus) -> Option<Ended> {
    let by_itself = status.exit_status().map(|status| Ended::Status(u8::try_from(status).unwrap_or(u8::MAX)));
    by_itself.or_else(|| status.terminating_signal().map(Ended::Signal))
}

/// Ctrl-Z stopped the app alone. The shell waits for this command, so this one
/// stops by the same signal; when it goes on, so does the app.
fn stop_too(place: &Place, app: Pid, signal: i32) {
    if let (Place::Job(_), Some(signal)) = (place, Signal::from_named_raw(signal)) {
        place.take(app);
        // Where there is no shell to wake anybody the kernel drops this, and
        // the app goes on at once, as it would have without us.
        let _ours = kill_current_process_group(signal);
        place.give(app);
        let _gone = kill_process_group(app, Signal::CONT);
    }
}

/// Ctrl-C ended the app alone of those that it was typed for, as far as a
/// script can tell: it goes on unless this command has such an end as well.
fn end_too(place: &Place, ended: Ended) {
    if let (Place::Shared, Ended::Signal(signal @ (SIGINT | SIGQUIT))) = (place, ended) {
        let _goes_on = emulate_default_handler(signal);
    }
}

/// Passes a signal on.
fn pass(place: &Place, app: Pid, origin: &Origin) {
    let Some(signal) = Signal::from_named_raw(origin.signal) else { return };
    if origin.signal == SIGCONT {
        // `fg` of a job that ran in the background.
        place.give(app);
    }
    let _gone = match place {
        // The terminal told the app as well: told twice, many apps give up at once.
        Place::Shared if typed(origin) => Ok(()),
        Place::Shared => kill_process(app, signal),
        Place::Job(_) | Place::Apart => kill_process_group(app, signal),
    };
}

/// Whether the terminal sent it to all of its group.
fn typed(origin: &Origin) -> bool {
    [SIGINT, SIGQUIT, SIGCONT].contains(&origin.signal) && !matches!(origin.cause, Cause::Sent(_))
}

//! What whoever starts the daemon has open, and waits for.

use std::process::{Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::apart::home_apart;

/// direnv reads from such a pipe until nobody has it.
#[test]
fn a_daemon_that_was_started_keeps_no_pipe_open() {
    let home = home_apart();
    let get = home.command(&["get", "app"]);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", r#"exec 7>&1 >/dev/null 2>&1 && exec "$@""#, "sh"])
        .arg(get.get_program())
        .args(get.get_args());
    shell.env_clear().envs(get.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut ran = shell.current_dir(home.dir()).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    assert_eq!(ran.wait().unwrap().code(), Some(0));
    assert_eq!(home.daemons().len(), 1);
    let pipe = ran.stdout.take().unwrap();
    let patience = Timespec { tv_sec: 20, tv_nsec: 0 };
    // The daemon answers after it has closed what it was given.
    assert_eq!(
        poll(&mut [PollFd::new(&pipe, PollFlags::IN)], Some(&patience)),
        Ok(1),
        "the pipe is still open"
    );
}

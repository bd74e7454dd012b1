//! The firewall's rules, as the programs that come with it print them: the
//! only processes that the daemon starts, each of which only reads.

use std::{
    fs,
    io::{self, Read},
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, pidfd_open},
};

use crate::{
    clock::Stopwatch,
    doctor::{Listing, Program, Unread},
};

/// Where distributions put them. Never the caller's PATH.
const PLACES: [&str; 5] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/run/current-system/sw/bin"];
/// For one of them.
const PATIENCE: Duration = Duration::from_secs(1);
/// The most that is read of one: some ten thousand rules.
const MOST: usize = 4 << 20;
const ROOT: u32 = 0;

/// One reading at a time, however many ask.
static READING: Mutex<()> = Mutex::new(());

/// All that can be read.
pub(super) fn rules() -> Vec<Listing> {
    let _alone = READING.lock().unwrap_or_else(PoisonError::into_inner);
    let programs = [
        Program::IptablesSave,
        Program::Ip6tablesSave,
        Program::IptablesLegacySave,
        Program::Ip6tablesLegacySave,
        Program::NftJson,
        Program::NftText,
    ];
    programs
        .into_iter()
        .filter(is_worth_it)
        .map(|program| Listing { program, output: run(program) })
        .collect()
}

/// The old tables are there once something was put into them; asking before
/// would make them.
fn is_worth_it(program: &Program) -> bool {
    let names = match program {
        Program::IptablesLegacySave => "/proc/thread-self/net/ip_tables_names",
        Program::Ip6tablesLegacySave => "/proc/thread-self/net/ip6_tables_names",
        _ => return true,
    };
    fs::read_to_string(names).is_ok_and(|names| !names.is_empty())
}

fn run(program: Program) -> Result<String, Unread> {
    let [name, args @ ..] = program.words() else { return Err(Unread::Missing) };
    let path = find(name).ok_or(Unread::Missing)?;
    if rustix::process::geteuid().as_raw() != ROOT {
        return Err(Unread::NotRoot);
    }
    let output = read(Command::new(path).args(args)).map_err(|_| Unread::Failed)?;
    String::from_utf8(output).map_err(|_| Unread::Failed)
}

/// The program, if nobody but root can have put it there.
fn find(name: &str) -> Option<PathBuf> {
    let mut there = PLACES.iter().map(|place| Path::new(place).join(name)).filter(|path| path.exists());
    there.find(|path| {
        let real = path.canonicalize().unwrap_or_default();
        [path.parent(), real.parent(), Some(&real)].into_iter().all(|place| place.is_some_and(is_roots_alone))
    })
}

fn is_roots_alone(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.uid() == ROOT && metadata.mode() & 0o022 == 0)
}

fn read(command: &mut Command) -> io::Result<Vec<u8>> {
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C").current_dir("/");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let Some(stdout) = child.stdout.take() else { return Err(io::ErrorKind::BrokenPipe.into()) };
    let begun = Stopwatch::start();
    let output = read_within(stdout, begun);
    finish(&mut child, begun, output)
}

/// It has said all that it says, or is not listened to any longer.
fn finish(child: &mut Child, begun: Stopwatch, output: io::Result<Vec<u8>>) -> io::Result<Vec<u8>> {
    let ended = |child: &Child| {
        let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
        wait_for(&pidfd, begun)
    };
    if output.is_err() || ended(child).is_err() {
        child.kill()?;
    }
    let status = child.wait()?;
    let output = output?;
    if status.success() { Ok(output) } else { Err(io::Error::other(status.to_string())) }
}

fn read_within(mut stdout: ChildStdout, begun: Stopwatch) -> io::Result<Vec<u8>> {
    let (mut output, mut piece) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        wait_for(&stdout, begun)?;
        match stdout.read(&mut piece)? {
            0 => return Ok(output),
            more => output.extend_from_slice(&piece[..more]),
        }
        if output.len() > MOST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
    }
}

fn wait_for(file: &impl AsFd, begun: Stopwatch) -> io::Result<()> {
    let left = PATIENCE.checked_sub(begun.elapsed()).ok_or(io::ErrorKind::TimedOut)?;
    let left = Timespec::try_from(left).map_err(io::Error::other)?;
    match poll(&mut [PollFd::new(file, PollFlags::IN)], Some(&left))? {
        0 => Err(io::ErrorKind::TimedOut.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> io::Result<Vec<u8>> {
        read(Command::new("/bin/sh").args(["-c", script]))
    }

    #[test]
    fn a_program_has_an_environment_of_its_own_and_little_time() {
        assert_eq!(sh("echo $HOME$CARGO_PKG_NAME$LC_ALL; pwd").unwrap(), b"C\n/\n");
        assert!(sh("echo rules; exit 1").is_err());
        assert!(sh("exec >&-; exec sleep 1000").is_err());
        assert_eq!(sh("echo rules; exec sleep 1000").unwrap_err().kind(), io::ErrorKind::TimedOut);
        let endless = sh("exec cat /dev/zero").unwrap_err().kind();
        assert_eq!(endless, io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn a_program_that_others_can_write_is_none() {
        use std::os::unix::fs::PermissionsExt;
        assert!(find("env").is_some_and(|path| path.is_absolute()));
        assert_eq!(find("portlease-has-no-such-program"), None);
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(!is_roots_alone(dir.path()));
        assert!(is_roots_alone(Path::new("/")));
    }
}

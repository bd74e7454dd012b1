//! Linux: `/proc/PID/fd` tells which process has which socket open.

use std::{ffi::OsStr, fs, io, os::unix::ffi::OsStrExt, path::Path};

use portlease_proto::Port;

use super::{
    OpenSocket, Outline, Pinned, Process, Processes, Trace, describe,
    docker::Forward,
    lineage::{self, Stat},
    pidfd, unit,
};
use crate::proc_file;

/// The running system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemProcesses;

impl Processes for SystemProcesses {
    fn find(&self, inodes: &[u64]) -> Vec<OpenSocket> {
        let mut wanted: Vec<u64> = inodes.iter().copied().filter(|inode| *inode != 0).collect();
        if wanted.is_empty() {
            return Vec::new();
        }
        let mut found = Vec::new();
        let mut pids: Vec<u32> = numbers_in(Path::new("/proc")).collect();
        // Newest first: what just took a port has most often just started.
        pids.sort_unstable_by(|a, b| b.cmp(a));
        for pid in pids {
            if wanted.is_empty() {
                break;
            }
            for fd in numbers_in(Path::new(&format!("/proc/{pid}/fd"))) {
                let Some(inode) = socket_inode(pid, fd) else { continue };
                if let Some(at) = wanted.iter().position(|wanted| *wanted == inode) {
                    wanted.swap_remove(at);
                    found.push(eldest(OpenSocket { inode, pid, fd }));
                }
            }
        }
        found
    }

    fn still_open(&self, socket: OpenSocket) -> bool {
        socket_inode(socket.pid, socket.fd) == Some(socket.inode)
    }

    fn outline(&self, pid: u32) -> Option<Outline> {
        Outline::parse(&String::from_utf8_lossy(&proc_file::read(format!("/proc/{pid}/stat")).ok()?))
    }

    fn describe(&self, pid: u32) -> Option<Process> {
        describe::describe(pid)
    }

    fn command(&self, pid: u32) -> Option<String> {
        let line = proc_file::read(format!("/proc/{pid}/cmdline")).ok()?;
        // On its way from one program to the next it has a name alone.
        if line.is_empty() {
            return self.describe(pid)?.holder.command;
        }
        let line = line.strip_suffix(b"\0").unwrap_or(&line);
        let words = line.split(|byte| *byte == 0).map(OsStr::from_bytes);
        Some(describe::command(words, OsStr::new("")))
    }

    fn trace(&self, pid: u32) -> Trace {
        let own = stat(pid);
        let parent = own.as_ref().map_or(0, |stat| stat.parent);
        let network = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
        let (there, here) = (network(&pid.to_string()), network("thread-self"));
        Trace {
            parents: lineage::parents(parent, stat, arguments),
            unit: fs::read_to_string(format!("/proc/{pid}/cgroup")).ok().as_deref().and_then(unit::parse),
            stopped: own.is_some_and(|stat| stat.is_stopped()),
            elsewhere: there.is_some() && here.is_some() && there != here,
        }
    }

    fn docker_proxy(&self, port: Port) -> Option<u32> {
        let forwards = |pid: &u32| Forward::of(&arguments(*pid)).is_some_and(|forward| forward.port == port);
        numbers_in(Path::new("/proc")).find(forwards)
    }

    fn pin(&self, pid: u32) -> io::Result<Option<Box<dyn Pinned>>> {
        pidfd::open(pid)
    }

    fn has_open(&self, pid: u32, inode: u64) -> Option<bool> {
        let entries = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
        let mut fds = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        Some(fds.any(|fd| socket_inode(pid, fd) == Some(inode)))
    }

    fn is_ours(&self, pid: u32) -> bool {
        let users = fs::read_to_string(format!("/proc/{pid}/status")).ok().as_deref().and_then(parse_users);
        users.is_some_and(|users| users.iter().all(|uid| *uid == self.our_uid()))
    }

    fn ancestors(&self, pid: u32) -> Vec<u32> {
        std::iter::successors(Some(pid), |pid| {
            stat(*pid).map(|stat| stat.parent).filter(|parent| *parent > 0)
        })
        .skip(1)
        .collect()
    }

    fn leaders(&self, pid: u32) -> Vec<u32> {
        let leaders = stat(pid).map(|stat| [stat.group, stat.session]).into_iter().flatten();
        // They are 0 where the leader is not in our pid namespace.
        leaders.filter(|leader| *leader > 0).collect()
    }

    fn user_name(&self, uid: u32) -> String {
        describe::user_name(uid)
    }

    fn our_uid(&self) -> u32 {
        rustix::process::geteuid().as_raw()
    }
}

/// The first ancestor that has the socket under the same number: a server is
/// named by its main process, not by the worker, or the child on its way to
/// another program, that it forked with the socket open. A service manager
/// that passed the socket on has it under another number.
fn eldest(mut open: OpenSocket) -> OpenSocket {
    while let Some(parent) = parent(open.pid).filter(|pid| socket_inode(*pid, open.fd) == Some(open.inode)) {
        open.pid = parent;
    }
    open
}

fn parent(pid: u32) -> Option<u32> {
    stat(pid).map(|stat| stat.parent).filter(|parent| *parent > 1)
}

fn stat(pid: u32) -> Option<Stat> {
    Stat::parse(&String::from_utf8_lossy(&proc_file::read(format!("/proc/{pid}/stat")).ok()?))
}

/// `Uid:` of proc_pid_status(5): real, effective, saved and file system's.
fn parse_users(status: &str) -> Option<[u32; 4]> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    let users: Vec<u32> = line.split_ascii_whitespace().filter_map(|uid| uid.parse().ok()).collect();
    users.try_into().ok()
}

fn arguments(pid: u32) -> Vec<String> {
    let line = proc_file::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = line.split_inclusive(|byte| *byte == 0);
    words.map(|word| String::from_utf8_lossy(word).trim_end_matches('\0').to_owned()).collect()
}

/// The entries of a directory that are numbers; none when it cannot be read.
fn numbers_in(directory: &Path) -> impl Iterator<Item = u32> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn socket_inode(pid: u32, fd: u32) -> Option<u64> {
    let target = fs::read_link(format!("/proc/{pid}/fd/{fd}")).ok()?;
    parse_socket_link(target.to_str()?)
}

/// `socket:[12345]`.
fn parse_socket_link(target: &str) -> Option<u64> {
    target.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// For `fuzz/`: the files of `/proc` that are read, and what is in them.
#[cfg(fuzzing)]
pub(crate) fn fuzz(text: &str) {
    let _stat = (Stat::parse(text), Outline::parse(text));
    let _users = parse_users(text);
    let _inode = parse_socket_link(text);
    let _unit = unit::parse(text);
    let words: Vec<&str> = text.split('\0').collect();
    let _forward = (Forward::of(&words), Forward::of_line(text));
    let _command = describe::command(words.iter().map(OsStr::new), OsStr::new(""));
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, os::unix::fs::MetadataExt};

    use super::*;

    #[test]
    fn links_of_sockets() {
        for (target, inode) in [
            ("socket:[12345]", Some(12345)),
            ("socket:[]", None),
            ("pipe:[12345]", None),
            ("/tmp/socket:[1]", None),
            ("socket:[1] (deleted)", None),
        ] {
            assert_eq!(parse_socket_link(target), inode, "{target}");
        }
    }

    #[test]
    fn users_of_a_process() {
        assert_eq!(parse_users("Name:\tx\nUid:\t1\t2\t3\t4\nGid:\t0\t0\t0\t0\n"), Some([1, 2, 3, 4]));
        assert_eq!(parse_users("Uid:\t1\t2\t3\n"), None);
        assert_eq!(parse_users(""), None);
        assert!(SystemProcesses.is_ours(std::process::id()));
        assert!(!SystemProcesses.is_ours(u32::MAX / 2));
    }

    #[test]
    fn those_above_us() {
        let above = SystemProcesses.ancestors(std::process::id());
        assert_eq!(above.first(), Some(&std::os::unix::process::parent_id()));
        assert!(!above.contains(&std::process::id()));
    }

    #[test]
    fn a_child_that_inherited_the_socket_is_not_named_for_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        rustix::io::fcntl_setfd(&listener, rustix::io::FdFlags::empty()).unwrap();
        let fd = u32::try_from(std::os::fd::AsRawFd::as_raw_fd(&listener)).unwrap();
        let inode = socket_inode(std::process::id(), fd).unwrap();
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        assert_eq!(socket_inode(child.id(), fd), Some(inode), "the child has it, too");

        let ours = OpenSocket { inode, pid: std::process::id(), fd };
        assert_eq!(SystemProcesses.find(&[inode]), [ours]);
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn a_command_is_the_same_by_itself_as_in_a_description() {
        let pid = std::process::id();
        let command = SystemProcesses.command(pid);
        assert!(command.is_some());
        assert_eq!(command, SystemProcesses.describe(pid).unwrap().holder.command);
        // The kernel's own threads have a name and no arguments.
        if let Some(kernel) = SystemProcesses.describe(2) {
            assert_eq!(SystemProcesses.command(2), kernel.holder.command);
        }
        assert_eq!(SystemProcesses.command(u32::MAX / 2), None);
    }

    #[test]
    fn an_outline_tells_one_program_from_the_next() {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", "read line; exec cat"]);
        let piped = std::process::Stdio::piped;
        let mut child = shell.stdin(piped()).stdout(piped()).spawn().unwrap();
        let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let before = SystemProcesses.outline(child.id()).unwrap();
        assert_eq!((before.parent, before.stopped), (std::process::id(), false));
        assert_eq!(SystemProcesses.outline(child.id()).unwrap().program, before.program);
        io::Write::write_all(&mut input, b"go\nx").unwrap();
        // From here on it is cat.
        io::Read::read_exact(&mut output, &mut [0]).unwrap();
        let after = SystemProcesses.outline(child.id()).unwrap();
        assert_eq!((after.name.as_str(), after.parent), ("cat", std::process::id()));
        assert_eq!(after.program.started, before.program.started);
        assert_ne!(after.program.places, before.program.places);
        drop(input);
        child.wait().unwrap();
        assert_eq!(SystemProcesses.outline(child.id()), None);
    }

    #[test]
    fn our_own_socket_is_found_until_it_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let link = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&listener));
        let inode = fs::metadata(link).unwrap().ino();
        let found = SystemProcesses.find(&[inode]);
        assert_eq!(found.iter().map(|open| open.pid).collect::<Vec<_>>(), [std::process::id()]);
        assert!(SystemProcesses.still_open(found[0]));
        drop(listener);
        assert!(!SystemProcesses.still_open(found[0]));
        assert!(SystemProcesses.find(&[inode]).is_empty());
    }
}

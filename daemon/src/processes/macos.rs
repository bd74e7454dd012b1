//! macOS: netstat2 tells the pid with the row, so there is nothing to walk.
//! Not run on a Mac by us.

use std::io;

use portlease_proto::Port;
use rustix::process::{Pid, getpgid, getsid};

use super::{OpenSocket, Outline, Pinned, Process, Processes, Trace, describe};

/// The running system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemProcesses;

impl Processes for SystemProcesses {
    fn find(&self, _inodes: &[u64]) -> Vec<OpenSocket> {
        Vec::new()
    }

    fn still_open(&self, _socket: OpenSocket) -> bool {
        false
    }

    fn outline(&self, _pid: u32) -> Option<Outline> {
        None
    }

    fn describe(&self, pid: u32) -> Option<Process> {
        describe::describe(pid)
    }

    fn trace(&self, _pid: u32) -> Trace {
        Trace::default()
    }

    fn docker_proxy(&self, _port: Port) -> Option<u32> {
        // Docker runs in a virtual machine there.
        None
    }

    fn pin(&self, _pid: u32) -> io::Result<Option<Box<dyn Pinned>>> {
        // There is nothing here by which a process cannot be taken for another.
        Err(io::ErrorKind::Unsupported.into())
    }

    fn has_open(&self, _pid: u32, _inode: u64) -> Option<bool> {
        None
    }

    fn is_ours(&self, _pid: u32) -> bool {
        false
    }

    fn ancestors(&self, _pid: u32) -> Vec<u32> {
        Vec::new()
    }

    fn leaders(&self, pid: u32) -> Vec<u32> {
        let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Vec::new() };
        let leaders = [getpgid(Some(pid)), getsid(Some(pid))];
        leaders.into_iter().flatten().map(|leader| leader.as_raw_nonzero().get().unsigned_abs()).collect()
    }

    fn user_name(&self, uid: u32) -> String {
        describe::user_name(uid)
    }

    fn our_uid(&self) -> u32 {
        rustix::process::geteuid().as_raw()
    }
}

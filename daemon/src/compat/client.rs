//! Who is at the other end.

use std::{collections::VecDeque, fs, net::SocketAddr, os::fd::AsFd, path::PathBuf, sync::OnceLock};

use crate::{
    manager::Edges,
    peer::{self, FarEnd},
};

/// How many processes are remembered that asked before.
const REMEMBERED: usize = 16;

/// Whether a process of this user is at the far end. Where the kernel does not
/// tell, nobody is let in: these protocols have no token.
pub(super) fn is_ours(edges: &Edges, stream: &tokio::net::TcpStream, far: SocketAddr) -> bool {
    let (Ok(near), Ok(stat)) = (stream.local_addr(), rustix::fs::fstat(stream.as_fd())) else { return false };
    let ours = peer::is_ours(edges.sockets.as_ref(), edges.processes.our_uid(), near, far, stat.st_ino);
    FarEnd::from(ours) == FarEnd::Ours
}

/// Whether a process has the same numbers for processes as we have. One that
/// may not be looked at is taken for one that has.
pub(super) fn counts_as_we_do(pid: i32) -> bool {
    static OURS: OnceLock<Option<PathBuf>> = OnceLock::new();
    // So the kernel names those that it cannot name to us.
    if pid <= 0 {
        return false;
    }
    let ours = OURS.get_or_init(|| fs::read_link("/proc/self/ns/pid").ok());
    match (ours, fs::read_link(format!("/proc/{pid}/ns/pid"))) {
        (Some(ours), Ok(theirs)) => *ours == theirs,
        _ => true,
    }
}

/// Finds the processes behind connections. Who asked once asks again, so the
/// last ones are looked at before all processes are walked.
#[derive(Debug, Default)]
pub(super) struct Clients(VecDeque<u32>);

impl Clients {
    /// The process that has the far end of a connection open. May walk all
    /// processes.
    pub(super) fn find(&mut self, edges: &Edges, near: SocketAddr, far: SocketAddr) -> Option<u32> {
        let inode = edges.sockets.connected(far, near).ok()??.inode;
        let has_it = |pid: &u32| edges.processes.has_open(*pid, inode) == Some(true);
        let known = self.0.iter().copied().find(has_it);
        let pid = known.or_else(|| edges.processes.find(&[inode]).first().map(|open| open.pid))?;
        self.0.retain(|other| *other != pid);
        self.0.push_front(pid);
        self.0.truncate(REMEMBERED);
        Some(pid)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn those_that_the_kernel_cannot_name_count_otherwise() {
        assert!(counts_as_we_do(std::process::id().cast_signed()));
        assert!(counts_as_we_do(i32::MAX), "nobody that could be looked at");
        assert!(!counts_as_we_do(0));
        assert!(!counts_as_we_do(-1));
    }
}

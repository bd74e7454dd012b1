//! What `portlease run` would start: a process in a process group of its own,
//! with a server that has lost its parent.

use std::{
    io::Read,
    net::{Ipv4Addr, TcpListener},
    os::{fd::OwnedFd, unix::process::CommandExt},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process_group};

/// The process group; it ends when this is dropped.
pub(crate) struct Run(Child);

impl Run {
    /// With a server on `port`.
    pub(crate) fn serving(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a free port");
        // The listener is open in nothing but the sleep whose parent ends at once.
        let script = "exec 3<&0 </dev/null; (sleep 1000 >/dev/null &); exec 3<&-; echo; exec sleep 1000 >&-";
        let mut sh = Command::new("sh");
        sh.args(["-c", script]).current_dir("/").process_group(0);
        sh.stdin(Stdio::from(OwnedFd::from(listener))).stdout(Stdio::piped());
        let mut child = sh.spawn().expect("sh");
        let mut line = [0; 1];
        child.stdout.take().expect("piped").read_exact(&mut line).expect("a line");
        Self(child)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Ends the process that was started. Its server lives on.
    pub(crate) fn end_first(&mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("waited for");
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.0);
        let _ended = kill_process_group(group, Signal::KILL);
        let _ended = self.0.wait();
    }
}

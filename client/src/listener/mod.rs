//! Whose socket is at the other end of a TCP connection that this process just
//! made. A port is open to every user: whoever was there first has it.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(not(target_os = "linux"))]
use other as platform;

pub(crate) use platform::{find, has_open};

/// Who listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listener {
    /// This user, with this socket.
    Ours { inode: u64 },
    /// Another user.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "nobody tells"))]
    Foreign { uid: u32, inode: u64 },
    /// It cannot be told, and why.
    Unknown(&'static str),
}

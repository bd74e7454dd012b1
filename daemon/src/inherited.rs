//! Files that whoever started the daemon had open.

use std::{io, os::fd::RawFd, path::Path};

/// Closes all of them but the standard three. Somebody may wait for the end of
/// a pipe that is among them, as direnv does, and the daemon stays.
///
/// To be called before this process has opened anything.
///
/// # Errors
/// When the system does not list them.
pub(crate) fn close() -> io::Result<()> {
    // Listed first: the list itself is an open file, which is closed then.
    let listed: Vec<RawFd> = std::fs::read_dir("/dev/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|fd| *fd > 2)
        .collect();
    for fd in
        listed.into_iter().filter(|fd| Path::new("/dev/fd").join(fd.to_string()).symlink_metadata().is_ok())
    {
        #[expect(unsafe_code, reason = "they have no owner in this process")]
        // SAFETY: it is open, and nothing in this process has opened or taken it.
        unsafe {
            rustix::io::close(fd);
        }
    }
    Ok(())
}

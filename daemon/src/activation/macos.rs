//! launchd's way: sockets are fetched by the names that they have in the plist
//! (`man 3 launch_activate_socket`, `<launch.h>`).

use std::{
    ffi::{CString, c_char, c_int},
    io,
    os::fd::{FromRawFd, OwnedFd},
    ptr,
};

#[expect(unsafe_code, reason = "no library of ours knows this function of libSystem")]
unsafe extern "C" {
    /// 0, or an errno; the array is malloc'ed.
    fn launch_activate_socket(name: *const c_char, fds: *mut *mut c_int, count: *mut usize) -> c_int;
}

pub(super) fn passed() -> io::Result<Vec<(String, OwnedFd)>> {
    let mut all = Vec::new();
    for name in [super::UNIX, super::TCP] {
        all.extend(fetch(name)?.into_iter().map(|file| (name.to_owned(), file)));
    }
    Ok(all)
}

#[expect(unsafe_code, reason = "a foreign function that allocates")]
fn fetch(name: &str) -> io::Result<Vec<OwnedFd>> {
    let name = CString::new(name)?;
    let (mut fds, mut count) = (ptr::null_mut(), 0);
    // SAFETY: the name ends with a zero byte, and both places can be written.
    let errno = unsafe { launch_activate_socket(name.as_ptr(), &raw mut fds, &raw mut count) };
    match errno {
        0 => {}
        // ESRCH: launchd did not start this process. ENOENT: no such socket in
        // the plist. EALREADY: fetched before.
        libc::ESRCH | libc::ENOENT | libc::EALREADY => return Ok(Vec::new()),
        errno => return Err(io::Error::from_raw_os_error(errno)),
    }
    if fds.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: on success there are `count` open files, which are ours from now
    // on, and so is the array, which malloc made.
    let files = unsafe {
        let numbers = std::slice::from_raw_parts(fds, count);
        let files = numbers.iter().map(|number| OwnedFd::from_raw_fd(*number)).collect::<Vec<_>>();
        libc::free(fds.cast());
        files
    };
    for file in &files {
        rustix::io::fcntl_setfd(file, rustix::io::FdFlags::CLOEXEC)?;
    }
    Ok(files)
}

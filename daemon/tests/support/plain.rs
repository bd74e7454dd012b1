//! A server that never sets SO_REUSEADDR.

use std::{net::SocketAddr, os::fd::OwnedFd};

use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with},
};

/// Listens as it does.
pub(crate) fn listen_plainly(port: u16) -> Result<OwnedFd, Errno> {
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    bind(&socket, &SocketAddr::from(([127, 0, 0, 1], port)))?;
    listen(&socket, 8)?;
    Ok(socket)
}

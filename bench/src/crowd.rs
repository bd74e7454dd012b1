//! Sockets that are there when something is measured, held by processes of
//! their own: a tenth listens, a tenth is bound for UDP, the others are
//! connected to each other.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use rustix::net::sockopt::set_socket_linger;

use crate::{machine, output, servers::Running};

/// More would be over the limit of open files in many places.
const MOST: usize = 10_000;
const READY: &str = "ready";

/// Starts processes that have so many sockets together, until they are dropped.
pub(crate) fn gather(count: usize) -> Result<Vec<Running>> {
    let parts = (0..count).step_by(MOST).map(|from| (count - from).min(MOST));
    parts.map(one).collect()
}

fn one(count: usize) -> Result<Running> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["crowd", &count.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = Running::spawn(&mut command)?;
    let says = running.stdout().context("no stdout")?;
    let mut line = String::new();
    BufReader::new(says).read_line(&mut line)?;
    anyhow::ensure!(line.trim() == READY, "{count} sockets cannot be had");
    Ok(running)
}

/// Has so many sockets, says so, and waits for the end of its stdin.
pub(crate) fn hold(count: usize) -> Result<()> {
    machine::most_leases()?;
    let alone = (count / 10).max(1);
    let listeners = (0..alone).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let listeners = listeners.collect::<Result<Vec<_>, _>>().context("listening")?;
    let bound = (0..alone).map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)));
    let bound = bound.collect::<Result<Vec<_>, _>>().context("binding for UDP")?;
    let mut connected = Vec::new();
    while listeners.len() + bound.len() + connected.len() + 2 <= count {
        let listener = &listeners[connected.len() / 2 % listeners.len()];
        let near = TcpStream::connect(listener.local_addr()?).context("connecting")?;
        let (far, _) = listener.accept()?;
        for stream in [near, far] {
            // The end leaves nothing behind that would be counted next.
            set_socket_linger(&stream, Some(Duration::ZERO))?;
            connected.push(stream);
        }
    }
    output::value(READY);
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

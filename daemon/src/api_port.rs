//! The API's TCP port: 127.0.0.1 and `[::1]` on the wanted port, or on another
//! when somebody else has that.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
};

use portlease_local::{Token, private};
use portlease_proto::{Auth, Endpoint, Paths, Port};

/// How many ports after the wanted one are tried.
const NEXT: u16 = 100;

/// How many connections may wait to be accepted.
const WAITING: i32 = 1024;

/// What the API is meant to be over TCP.
#[derive(Debug)]
pub struct WayIn {
    /// Its port.
    pub port: Port,
    /// What is asked there at least.
    pub auth: Auth,
    /// What opens the door then.
    pub token: Token,
}

/// Listeners of the API, all on one port.
#[derive(Debug)]
pub struct Listening {
    /// One for each address family.
    pub listeners: Vec<TcpListener>,
}

impl Listening {
    /// Where they listen, 127.0.0.1 first.
    ///
    /// # Errors
    /// As the system call.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.listeners.iter().map(TcpListener::local_addr).collect()
    }
}

/// Listens on both loopback addresses of `port`, or on neither: whoever has
/// `[::1]` alone could pass for us to clients that say `localhost`.
///
/// # Errors
/// As the system calls; `AddrInUse` when either address is taken.
pub fn listen_on(port: Port) -> io::Result<Listening> {
    complete(port, Vec::new())
}

/// As [`listen_on`], with those that a service manager made on that port.
///
/// # Errors
/// As [`listen_on`].
pub fn complete(port: Port, passed: Vec<TcpListener>) -> io::Result<Listening> {
    let mut passed: Vec<(SocketAddr, TcpListener)> = passed
        .into_iter()
        .map(|listener| {
            listener.set_nonblocking(true)?;
            Ok((listener.local_addr()?, listener))
        })
        .collect::<io::Result<_>>()?;
    let mut take = |address: SocketAddr| match passed.iter().position(|(passed, _)| *passed == address) {
        Some(index) => Ok(passed.swap_remove(index).1),
        None => listen(address),
    };
    let mut listeners = vec![take(SocketAddr::from((Ipv4Addr::LOCALHOST, port.get())))?];
    match take(SocketAddr::from((Ipv6Addr::LOCALHOST, port.get()))) {
        Ok(v6) => listeners.push(v6),
        // No IPv6 on this machine.
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable || is_no_family(&error) => {}
        Err(error) => return Err(error),
    }
    Ok(Listening { listeners })
}

/// The first port after `wanted` that can be had.
///
/// # Errors
/// The last one's, when there is none.
pub fn listen_near(wanted: Port) -> io::Result<Listening> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for step in 1..=NEXT {
        let Some(port) = wanted.get().checked_add(step).and_then(Port::new) else { break };
        match listen_on(port) {
            Ok(listening) => return Ok(listening),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Tells clients where the API answers over TCP. Those on the Unix socket do
/// without, so what hinders it is said and no more.
pub fn publish(paths: &Paths, endpoint: &Endpoint) {
    let json = serde_json::to_vec_pretty(endpoint).map_err(|error| error.to_string());
    let written =
        json.and_then(|json| private::replace(&paths.endpoint(), &json).map_err(|error| error.to_string()));
    if let Err(error) = written {
        tracing::warn!("the address of the API cannot be published: {error}");
    }
}

/// What the daemon that runs has published, if it can be read.
pub(crate) fn published(paths: &Paths) -> Option<Endpoint> {
    serde_json::from_slice(&std::fs::read(paths.endpoint()).ok()?).ok()
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    // std sets SO_REUSEADDR, so that our own TIME_WAIT is not in the way, and
    // not SO_REUSEPORT. An address of one family needs no IPV6_V6ONLY.
    let listener = TcpListener::bind(address)?;
    // std lets 128 wait; whoever comes then is left out for a second.
    rustix::net::listen(&listener, WAITING)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn is_no_family(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_addresses_or_neither() {
        // Find a port that is free on both, then take one address of it.
        let port = {
            let listening = listen_near(Port::constant(61000)).unwrap();
            Port::new(listening.addresses().unwrap()[0].port()).unwrap()
        };
        for taken in ["127.0.0.1", "::1"] {
            let other = TcpListener::bind((taken, port.get())).unwrap();
            assert_eq!(listen_on(port).unwrap_err().kind(), io::ErrorKind::AddrInUse, "{taken}");
            let near = listen_near(Port::new(port.get() - 1).unwrap()).unwrap();
            assert!(near.addresses().unwrap().iter().all(|address| address.port() > port.get()));
            drop(other);
        }
    }

    #[test]
    fn what_was_passed_is_served_on_and_what_is_missing_is_made() {
        for passed in [&["127.0.0.1"][..], &["::1"], &["127.0.0.1", "::1"], &[]] {
            let port = {
                let listening = listen_near(Port::constant(61200)).unwrap();
                Port::new(listening.addresses().unwrap()[0].port()).unwrap()
            };
            let made: Vec<TcpListener> =
                passed.iter().map(|ip| TcpListener::bind((*ip, port.get())).unwrap()).collect();
            // While they are open nobody else could bind there, we neither.
            let listening = complete(port, made).unwrap();
            let ips: Vec<String> =
                listening.addresses().unwrap().iter().map(|address| address.ip().to_string()).collect();
            assert_eq!(ips, ["127.0.0.1", "::1"], "{passed:?}");
        }
    }
}

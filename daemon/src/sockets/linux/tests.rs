//! Against the running kernel, on ports that it gives.

use std::net::{TcpListener, TcpStream, UdpSocket};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};

use super::*;
use crate::sockets::SocketState;

fn tcp(address: &str) -> (TcpListener, Port) {
    let listener = TcpListener::bind((address, 0)).unwrap();
    let port = Port::new(listener.local_addr().unwrap().port()).unwrap();
    (listener, port)
}

#[test]
fn a_listener_is_found_with_its_inode_and_user() {
    for address in ["127.0.0.1", "0.0.0.0", "::1", "::"] {
        let (_listener, port) = tcp(address);
        let rows = SystemSockets.look_up(port, Protocol::Both).unwrap();
        assert_eq!(rows.len(), 1, "{address}: {rows:?}");
        assert_eq!(rows[0].address, address.parse::<IpAddr>().unwrap());
        assert_eq!(rows[0].uid, Some(rustix::process::geteuid().as_raw()));
        assert_ne!(rows[0].inode, 0);
        assert!(SystemSockets.look_up(port, Protocol::Udp).unwrap().is_empty());
        assert_eq!(SystemSockets.probe(port, Protocol::Tcp, Leftovers::Ignored).unwrap(), Verdict::InUse);
    }
}

#[test]
fn a_udp_socket_is_found() {
    for address in ["127.0.0.1", "::"] {
        let udp = UdpSocket::bind((address, 0)).unwrap();
        let port = Port::new(udp.local_addr().unwrap().port()).unwrap();
        let rows = SystemSockets.look_up(port, Protocol::Udp).unwrap();
        assert_eq!((rows.len(), rows[0].transport), (1, Transport::Udp), "{address}: {rows:?}");
        assert_eq!(SystemSockets.probe(port, Protocol::Udp, Leftovers::Ignored).unwrap(), Verdict::InUse);
    }
}

#[test]
fn what_the_look_up_is_blind_to_the_dump_shows() {
    let (_elsewhere, elsewhere) = tcp("127.0.0.2");
    // A wildcard listener, so that the two ports cannot be the same one.
    let (listener, bound) = tcp("0.0.0.0");
    drop(listener);
    let fd = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    bind(&fd, &SocketAddr::from((Ipv4Addr::LOCALHOST, bound.get()))).unwrap();
    for (port, state) in [(elsewhere, SocketState::Listening), (bound, SocketState::BoundOnly)] {
        assert!(SystemSockets.look_up(port, Protocol::Both).unwrap().is_empty());
        let rows = SystemSockets.on_port(port).unwrap();
        assert_eq!(rows.iter().map(|row| row.state).collect::<Vec<_>>(), [state], "{rows:?}");
        assert_eq!(SystemSockets.probe(port, Protocol::Tcp, Leftovers::Ignored).unwrap(), Verdict::InUse);
        assert!(
            SystemSockets.listeners().unwrap().iter().any(|d| d.row.port == port && d.row.state == state)
        );
    }
}

#[test]
fn one_walk_shows_what_one_for_each_family_does() {
    let sockets = [tcp("127.0.0.1"), tcp("::1"), tcp("::")];
    let held = socket_with(AddressFamily::INET6, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    bind(&held, &SocketAddr::from((Ipv6Addr::LOCALHOST, 0))).unwrap();
    let bound: SocketAddr = rustix::net::getsockname(&held).unwrap().try_into().unwrap();
    let mut ports: Vec<Port> = sockets.iter().map(|(_, port)| *port).collect();
    ports.push(Port::new(bound.port()).unwrap());
    let diag = SockDiag::open().unwrap();
    // Other tests come and go.
    let ours = |mut rows: Vec<SocketRow>| {
        rows.retain(|row| ports.contains(&row.port));
        rows.sort_by_key(|row| row.inode);
        rows
    };
    for (states, count) in [(LISTENING, 3), (SERVING, 4)] {
        let together = ours(diag.dump_tcp(None, states, RawRow::listing).unwrap());
        let apart = ours(diag.dump(&[Transport::Tcp], None, states, RawRow::listing).unwrap());
        assert_eq!((together.len(), &together), (count, &apart));
        let of_one = diag.dump_tcp(Some(ports[0]), states, RawRow::listing).unwrap();
        assert!(of_one.len() == 1 && together.contains(&of_one[0]), "{of_one:?}");
    }
}

/// Binds say whether there is any at all.
#[test]
fn every_udp_socket_of_a_port_is_shown() {
    for address in ["127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::"] {
        for (shares, talks) in [(false, false), (true, false), (false, true)] {
            let address: IpAddr = address.parse().unwrap();
            let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
            let udp =
                UdpSocket::from(socket_with(family, SocketType::DGRAM, SocketFlags::CLOEXEC, None).unwrap());
            rustix::net::sockopt::set_socket_reuseaddr(&udp, shares).unwrap();
            bind(&udp, &SocketAddr::new(address, 0)).unwrap();
            let local = udp.local_addr().unwrap();
            if talks && address.is_loopback() {
                udp.connect(local).unwrap();
            }
            let serving = SystemSockets.serving_on(Port::new(local.port()).unwrap()).unwrap();
            let shown = serving.iter().filter(|detail| detail.row.transport == Transport::Udp);
            let shown: Vec<IpAddr> = shown.map(|detail| detail.row.address).collect();
            assert_eq!(shown, [address], "shares: {shares}, talks: {talks}");
        }
    }
}

#[test]
fn what_a_closed_connection_leaves_is_in_the_way_of_new_ports_only() {
    let (listener, port) = tcp("127.0.0.1");
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (served, _) = listener.accept().unwrap();
    // The side that closes first is left in TIME_WAIT; the end of the other's
    // stream says that it has come to that.
    drop(served);
    std::io::copy(&mut &client, &mut std::io::sink()).unwrap();
    drop((client, listener));
    let probe = |leftovers| SystemSockets.probe(port, Protocol::Tcp, leftovers).unwrap();
    assert_eq!(probe(Leftovers::Ignored), Verdict::Free);
    assert_eq!(probe(Leftovers::InTheWay), Verdict::InUse);
    let rows = SystemSockets.on_port(port).unwrap();
    assert!(!rows.is_empty() && rows.iter().all(|row| row.state == SocketState::Leftover), "{rows:?}");
}

#[test]
fn a_claim_is_exclusive_until_it_is_dropped() {
    let port = Port::constant(1);
    let claim = SystemSockets.claim(port).unwrap();
    assert!(matches!(SystemSockets.claim(port), Err(ClaimError::Taken)));
    drop(claim);
    assert!(SystemSockets.claim(port).is_ok());
}

#[test]
fn listeners_are_told_in_full_and_connections_left_out() {
    let (listener, port) = tcp("::");
    let client = TcpStream::connect((Ipv4Addr::LOCALHOST, port.get())).unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.connect(udp.local_addr().unwrap()).unwrap();
    let all = SystemSockets.listeners().unwrap();
    let told = |port: u16, transport| {
        let here = |detail: &&SocketDetail| {
            detail.row.port.get() == port && detail.row.transport == transport && detail.row.inode != 0
        };
        all.iter().filter(here).map(|detail| (detail.state, detail.dual_stack)).collect::<Vec<_>>()
    };
    use portlease_proto::SocketState::{Connected, Listening};
    assert_eq!(told(port.get(), Transport::Tcp), [(Listening, Some(true))]);
    assert_eq!(told(udp.local_addr().unwrap().port(), Transport::Udp), [(Connected, None)]);
    assert!(told(client.local_addr().unwrap().port(), Transport::Tcp).is_empty());
    drop(listener);
}

#[test]
fn a_queue_that_is_full() {
    let fd = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    bind(&fd, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    rustix::net::listen(&fd, 0).unwrap();
    let address: SocketAddr = rustix::net::getsockname(&fd).unwrap().try_into().unwrap();
    let queue = || {
        let sockets = SystemSockets.in_detail(Port::new(address.port()).unwrap()).unwrap();
        sockets.into_iter().find_map(|detail| detail.queue).unwrap()
    };
    assert!(!queue().is_full());
    let _waits = TcpStream::connect(address).unwrap();
    assert_eq!((queue().waiting, queue().is_full()), (1, true));
}

/// One request may probe a port on one thread while another one is told, on
/// another thread, who is there.
#[test]
fn nobody_meets_our_own_probes() {
    const ROUNDS: usize = 300;
    // The kernel gives none of these to the tests beside this one.
    let free = |port: &u16| TcpListener::bind(("::", *port)).is_ok();
    let port = Port::new((5300..5900).find(free).unwrap()).unwrap();
    let probe = || SystemSockets.probe(port, Protocol::Both, Leftovers::InTheWay).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..ROUNDS * 20).for_each(|_| assert_eq!(probe(), Verdict::Free)));
        }
        for _ in 0..ROUNDS {
            assert_eq!(SystemSockets.look_up(port, Protocol::Both).unwrap(), []);
            assert_eq!(SystemSockets.on_port(port).unwrap(), []);
            assert_eq!(SystemSockets.in_detail(port).unwrap(), []);
            assert_eq!(SystemSockets.serving_on(port).unwrap(), []);
            let here = |row: &SocketRow| row.port == port;
            assert!(!SystemSockets.listening().unwrap().iter().any(here));
            assert!(!SystemSockets.serving().unwrap().iter().any(here));
            assert!(!SystemSockets.listeners().unwrap().iter().any(|detail| here(&detail.row)));
        }
    });
}

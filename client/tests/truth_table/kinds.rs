//! Every kind of socket that can be on a port.

use std::{any::Any, os::fd::OwnedFd};

use rustix::{
    io::Errno,
    net::{SocketType, connect, listen},
};

use crate::{
    sockets::{
        ANY4, At, DUAL, LOCAL4, LOCAL6, MAPPED, NOBODY, ONLY6, OTHER4, Opt, TcpState, VETH4, VETH6, accepted,
        autobinding, bound, listener, server_elsewhere, unbound, wait_for_state,
    },
    users::Programs,
};

/// What keeps a port held for as long as it lives.
pub(crate) type Held = Box<dyn Any>;

/// One kind of holder.
pub(crate) struct Kind<'a> {
    pub(crate) name: String,
    /// Whether the sockets are another user's than the daemon.
    pub(crate) another_users: bool,
    pub(crate) hold: Box<dyn Fn(u16) -> Held + Send + Sync + 'a>,
}

const TCP: SocketType = SocketType::STREAM;
const UDP: SocketType = SocketType::DGRAM;

const NOBODYS_UID: u32 = 65534;

/// The kinds that the same user makes.
pub(crate) fn own_kinds() -> Vec<Kind<'static>> {
    let mut kinds = Vec::new();
    listeners(&mut kinds);
    bound_only(&mut kinds);
    left_by_servers(&mut kinds);
    source_ports(&mut kinds);
    udp(&mut kinds);
    kinds
}

/// Kinds that another user makes: a process of that user holds one of
/// [`own_kinds`], found by its name.
pub(crate) fn another_users_kinds(programs: &Programs) -> Vec<Kind<'_>> {
    const NAMES: [&str; 16] = [
        "LISTEN 127.0.0.1",
        "LISTEN 127.0.0.1 RA",
        "LISTEN ::dual RA",
        "LISTEN ::v6only RA",
        "LISTEN ×2 0.0.0.0 RP",
        "bound 127.0.0.1",
        "bound 127.0.0.1 RA",
        "bound ::dual RA",
        "bound 0.0.0.0 RP",
        "TIME_WAIT of server 127.0.0.1",
        "TIME_WAIT of server 127.0.0.1 RA",
        "accepted, listener closed 127.0.0.1 RA",
        "ESTABLISHED source, bound 127.0.0.1",
        "UDP 127.0.0.1",
        "UDP ::dual RA",
        "UDP 127.0.0.1 RP",
    ];
    let hold = |port: u16, name: &str| {
        let mut helper = programs.helper(NOBODYS_UID, "holder_for_another_user");
        helper.tell(&format!("{port} {name}"));
        helper.wait_for("ready");
        helper
    };
    let kind = |name: &'static str| Kind {
        name: format!("another user's: {name}"),
        another_users: true,
        hold: Box::new(move |port| Box::new(hold(port, name))),
    };
    NAMES.into_iter().map(kind).collect()
}

fn add<H: Any>(
    kinds: &mut Vec<Kind<'static>>,
    name: String,
    hold: impl Fn(u16) -> H + Send + Sync + 'static,
) {
    kinds.push(Kind { name, another_users: false, hold: Box::new(move |port| Box::new(hold(port))) });
}

fn listeners(kinds: &mut Vec<Kind<'static>>) {
    for at in [LOCAL4, ANY4, LOCAL6, DUAL, ONLY6, OTHER4, MAPPED, VETH4, VETH6] {
        for opt in [Opt::Plain, Opt::Ra] {
            add(kinds, format!("LISTEN {}{}", at.name, opt.name()), move |port| listener(at, opt, port));
        }
    }
    for at in [LOCAL4, ANY4, LOCAL6, DUAL] {
        let group = move |port| [(); 2].map(|()| listener(at, Opt::Rp, port));
        add(kinds, format!("LISTEN ×2 {} RP", at.name), group);
    }
}

fn bound_only(kinds: &mut Vec<Kind<'static>>) {
    for at in [LOCAL4, ANY4, LOCAL6, DUAL, ONLY6, OTHER4] {
        for opt in [Opt::Plain, Opt::Ra, Opt::Rp] {
            add(kinds, format!("bound {}{}", at.name, opt.name()), move |port| bound(TCP, at, opt, port));
        }
    }
    for at in [LOCAL4, DUAL] {
        let group = move |port| [(); 2].map(|()| bound(TCP, at, Opt::Rp, port));
        add(kinds, format!("bound ×2 {} RP", at.name), group);
    }
}

/// A server's end of a connection, after its listener is closed.
fn left_by_servers(kinds: &mut Vec<Kind<'static>>) {
    for at in [LOCAL4, LOCAL6, DUAL] {
        for opt in [Opt::Plain, Opt::Ra] {
            let served = move |port| {
                let listener = listener(at, opt, port);
                let to = at.reach(port);
                accepted(&listener, unbound(TCP, to.ip()), to)
            };
            let name = |what: &str| format!("{what} {}{}", at.name, opt.name());
            add(kinds, name("accepted, listener closed"), move |port| {
                let ends = served(port);
                wait_for_state(port, TcpState::Established);
                ends
            });
            add(kinds, name("TIME_WAIT of server"), move |port| {
                let (served, client) = served(port);
                close_in_turn(served, client);
                wait_for_state(port, TcpState::TimeWait);
            });
            add(kinds, name("CLOSE_WAIT of server"), move |port| {
                let (served, client) = served(port);
                drop(client);
                wait_for_state(port, TcpState::CloseWait);
                served
            });
            add(kinds, name("FIN_WAIT2 of server"), move |port| {
                let (served, client) = served(port);
                drop(served);
                wait_for_state(port, TcpState::FinWait2);
                client
            });
        }
    }
}

/// A client's end, whose source port is in question.
fn source_ports(kinds: &mut Vec<Kind<'static>>) {
    type Client = fn(At, u16) -> (OwnedFd, (OwnedFd, OwnedFd));
    let ways: [(&str, Client); 3] = [
        ("autobound", |at, port| {
            let (server, to) = server_elsewhere(at);
            let ends = autobinding(port, || accepted(&server, unbound(TCP, to.ip()), to));
            (server, ends)
        }),
        ("bound", |at, port| {
            let (server, to) = server_elsewhere(at);
            let ends = accepted(&server, bound(TCP, at, Opt::Plain, port), to);
            (server, ends)
        }),
        ("bound RA", |at, port| {
            let (server, to) = server_elsewhere(at);
            let ends = accepted(&server, bound(TCP, at, Opt::Ra, port), to);
            (server, ends)
        }),
    ];
    for at in [LOCAL4, LOCAL6] {
        for (way, client) in ways {
            let name = |what: &str| format!("{what} source, {way} {}", at.name);
            add(kinds, name("ESTABLISHED"), move |port| {
                let connection = client(at, port);
                wait_for_state(port, TcpState::Established);
                connection
            });
            add(kinds, name("TIME_WAIT"), move |port| {
                let (_server, (served, client)) = client(at, port);
                close_in_turn(client, served);
                wait_for_state(port, TcpState::TimeWait);
            });
            add(kinds, name("CLOSE_WAIT"), move |port| {
                let (_server, (served, client)) = client(at, port);
                drop(served);
                wait_for_state(port, TcpState::CloseWait);
                client
            });
        }
    }
    add(kinds, "SYN_SENT source, autobound 10.77.0.1 (veth)".to_owned(), |port| {
        let client = unbound(TCP, NOBODY.ip());
        rustix::io::ioctl_fionbio(&client, true).unwrap();
        assert_eq!(autobinding(port, || connect(&client, &NOBODY)), Err(Errno::INPROGRESS));
        wait_for_state(port, TcpState::SynSent);
        client
    });
}

fn udp(kinds: &mut Vec<Kind<'static>>) {
    for at in [LOCAL4, ANY4, LOCAL6, DUAL, ONLY6, OTHER4, VETH4] {
        for opt in [Opt::Plain, Opt::Ra, Opt::Rp] {
            add(kinds, format!("UDP {}{}", at.name, opt.name()), move |port| bound(UDP, at, opt, port));
        }
    }
    for at in [LOCAL4, LOCAL6] {
        add(kinds, format!("UDP connected {}", at.name), move |port| {
            let fd = bound(UDP, at, Opt::Plain, port);
            connect(&fd, &at.port(9)).unwrap();
            fd
        });
        add(kinds, format!("UDP connected, autobound {}", at.name), move |port| {
            let fd = unbound(UDP, at.ip);
            autobinding(port, || connect(&fd, &at.port(9))).unwrap();
            fd
        });
    }
    // Both name spaces at once, as a DNS server has them.
    add(kinds, "LISTEN and UDP 127.0.0.1".to_owned(), |port| {
        let tcp = bound(TCP, LOCAL4, Opt::Ra, port);
        listen(&tcp, 16).unwrap();
        (tcp, bound(UDP, LOCAL4, Opt::Plain, port))
    });
}

/// The first to close is left in TIME_WAIT, once the other's end has come.
fn close_in_turn(first: OwnedFd, last: OwnedFd) {
    drop(first);
    let mut byte = [0];
    assert_eq!(rustix::io::read(&last, &mut byte), Ok(0));
    drop(last);
}

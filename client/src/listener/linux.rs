//! Linux: the kernel's socket table, through netstat2, says whose a socket is.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::Path,
};

use netstat2::{
    AddressFamilyFlags, ProtocolFlags, ProtocolSocketInfo, TcpState, iterate_sockets_info_without_pids,
};

use super::Listener;

/// Who is at the `far` end of a connection whose own end is `near`.
pub(crate) fn find(near: SocketAddr, far: SocketAddr, us: u32) -> Listener {
    match table() {
        Ok(rows) => judge(&rows, near, far, us),
        Err(_) => Listener::Unknown("the socket table cannot be read, so nobody knows who listens there"),
    }
}

/// Whether a process has a socket open. Without it, what another program of
/// this user serves on a daemon's old port would be taken for the daemon.
pub(crate) fn has_open(pid: u32, inode: u64) -> bool {
    let link = format!("socket:[{inode}]");
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    files.into_iter().any(|file| fs::read_link(file.path()).is_ok_and(|target| target == Path::new(&link)))
}

/// A TCP socket.
#[derive(Debug, Clone, Copy)]
struct Row {
    local: SocketAddr,
    remote: SocketAddr,
    state: TcpState,
    uid: u32,
    inode: u64,
}

fn table() -> Result<Vec<Row>, netstat2::error::Error> {
    let families = AddressFamilyFlags::IPV4 | AddressFamilyFlags::IPV6;
    let sockets = iterate_sockets_info_without_pids(families, ProtocolFlags::TCP)?;
    let mut rows = Vec::new();
    for socket in sockets {
        let socket = socket?;
        if let ProtocolSocketInfo::Tcp(tcp) = &socket.protocol_socket_info {
            rows.push(Row {
                local: SocketAddr::new(tcp.local_addr, tcp.local_port),
                remote: SocketAddr::new(tcp.remote_addr, tcp.remote_port),
                state: tcp.state,
                uid: socket.uid,
                inode: u64::from(socket.inode),
            });
        }
    }
    Ok(rows)
}

/// The listener must be there and ours, and so must the very socket that our
/// connection ends in: the kernel lists listeners first, so one that gave the
/// port to us after it took our connection is found out by the second.
///
/// netstat2 shows a query that failed as an empty table, or a short one. What
/// is not in it is not ours.
fn judge(rows: &[Row], near: SocketAddr, far: SocketAddr, us: u32) -> Listener {
    let reaches = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    let mut listeners = rows.iter().filter(|row| {
        row.state == TcpState::Listen && row.local.port() == far.port() && reaches(row.local.ip())
    });
    // On the other loopback address, too: who has half of our port means us.
    if let Some(row) = listeners.clone().find(|row| row.uid != us) {
        return Listener::Foreign { uid: row.uid, inode: row.inode };
    }
    match rows.iter().find(|row| row.local == far && row.remote == near) {
        // Before it is accepted, it is nobody's: then the listener's word holds.
        Some(row) if row.state == TcpState::Established && (row.uid == us || row.inode == 0) => {}
        Some(row) if row.state == TcpState::Established => {
            return Listener::Foreign { uid: row.uid, inode: row.inode };
        }
        _ => return Listener::Unknown("the socket table does not show the other end of the connection"),
    }
    match listeners.find(|row| row.local == far) {
        Some(row) => Listener::Ours { inode: row.inode },
        None => Listener::Unknown("the socket table shows nobody who listens there"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    const US: u32 = 1000;
    const EVE: u32 = 1001;
    const ANY: &str = "0.0.0.0:0";
    const NEAR: &str = "127.0.0.1:40000";
    const FAR: &str = "127.0.0.1:62893";

    fn row(local: &str, remote: &str, state: TcpState, uid: u32, inode: u64) -> Row {
        Row { local: local.parse().unwrap(), remote: remote.parse().unwrap(), state, uid, inode }
    }

    fn listen(local: &str, uid: u32) -> Row {
        row(local, ANY, TcpState::Listen, uid, 7)
    }

    fn end(state: TcpState, uid: u32, inode: u64) -> Row {
        row(FAR, NEAR, state, uid, inode)
    }

    #[test]
    fn whose_it_is() {
        use TcpState::{Established, FinWait2};
        let ours = Listener::Ours { inode: 7 };
        let foreign = |inode| Listener::Foreign { uid: EVE, inode };
        let unknown = Listener::Unknown("");
        let accepted = end(Established, US, 8);
        for (what, rows, expected) in [
            ("all ours", vec![listen(FAR, US), accepted], ours),
            ("and on the other address", vec![listen("[::1]:62893", US), listen(FAR, US), accepted], ours),
            ("not accepted yet", vec![listen(FAR, US), end(Established, 0, 0)], ours),
            (
                "other ports are others' affair",
                vec![listen("0.0.0.0:62894", EVE), listen(FAR, US), accepted],
                ours,
            ),
            ("no table", vec![], unknown),
            ("a table without our connection", vec![listen(FAR, US)], unknown),
            ("a table without listeners", vec![accepted], unknown),
            ("a listener on the other address alone", vec![listen("[::1]:62893", US), accepted], unknown),
            ("closed meanwhile", vec![listen(FAR, US), end(FinWait2, US, 0)], unknown),
            ("another user's", vec![listen(FAR, EVE), end(Established, EVE, 8)], foreign(7)),
            ("root's", vec![listen(FAR, 0), accepted], Listener::Foreign { uid: 0, inode: 7 }),
            ("another user has ::1", vec![listen(FAR, US), accepted, listen("[::1]:62893", EVE)], foreign(7)),
            ("another user has ::", vec![listen(FAR, US), accepted, listen("[::]:62893", EVE)], foreign(7)),
            ("another user has 0.0.0.0", vec![listen("0.0.0.0:62893", EVE), accepted], foreign(7)),
            (
                "accepted by another, who then left",
                vec![listen(FAR, US), end(Established, EVE, 8)],
                foreign(8),
            ),
            (
                "somebody else's connection is not ours",
                vec![listen(FAR, US), row(FAR, "127.0.0.1:40001", Established, US, 8)],
                unknown,
            ),
        ] {
            let found = match judge(&rows, NEAR.parse().unwrap(), FAR.parse().unwrap(), US) {
                Listener::Unknown(_) => unknown,
                found => found,
            };
            assert_eq!(found, expected, "{what}");
        }
    }

    #[test]
    fn a_real_connection() {
        let us = rustix::process::geteuid().as_raw();
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let far = listener.local_addr().unwrap();
            let near = TcpStream::connect(far).unwrap();
            let local = near.local_addr().unwrap();
            let mut accepted = None;
            for _before_and_after in 0..2 {
                let Listener::Ours { inode } = find(local, far, us) else { panic!("{address} is ours") };
                assert!(has_open(std::process::id(), inode) && !has_open(std::process::id(), 0));
                assert!(matches!(find(local, far, us + 1), Listener::Foreign { uid, .. } if uid == us));
                accepted = accepted.or_else(|| listener.accept().ok());
            }
            drop(listener);
            assert!(matches!(find(local, far, us), Listener::Unknown(_)));
        }
    }
}

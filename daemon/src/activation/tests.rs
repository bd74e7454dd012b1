use std::{
    net::UdpSocket,
    os::unix::net::{UnixDatagram, UnixStream},
};

use rustix::net::{SocketFlags, bind, listen, socket_with};

use super::*;

fn tcp(address: &str) -> OwnedFd {
    TcpListener::bind(address).unwrap().into()
}

fn refused(passed: Vec<(&str, OwnedFd)>, socket: &Path) -> String {
    let passed = passed.into_iter().map(|(name, file)| (name.to_owned(), file)).collect();
    Passed::of(passed, socket).unwrap_err().to_string()
}

#[test]
fn nothing_passed_is_nothing_taken() {
    let passed = Passed::of(Vec::new(), Path::new("/none")).unwrap();
    assert!(!passed.any());
    assert_eq!(passed.port(), None);
}

#[test]
fn what_is_ours_is_taken_whatever_its_order() {
    let temp = tempfile::tempdir().unwrap();
    let (place, way) = (temp.path().join("run"), temp.path().join("way"));
    std::fs::create_dir(&place).unwrap();
    std::os::unix::fs::symlink(&place, &way).unwrap();
    let unix = UnixListener::bind(place.join("s")).unwrap();
    let v6 = TcpListener::bind("[::1]:0").unwrap();
    let port = v6.local_addr().unwrap().port();
    let v4 = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let all = vec![
        (TCP.to_owned(), v6.into()),
        (UNIX.to_owned(), unix.into()),
        (TCP.to_owned(), OwnedFd::from(v4)),
    ];
    let passed = Passed::of(all, &way.join("s")).unwrap();
    assert!(passed.any() && passed.unix.is_some());
    assert_eq!(passed.port(), Port::new(port));
    let addresses: Vec<_> = passed.tcp.iter().map(|listener| listener.local_addr().unwrap().ip()).collect();
    assert_eq!(addresses, [std::net::IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()]);
}

/// Above all: nothing that another machine could reach.
#[test]
fn what_is_not_ours_is_refused_by_name() {
    let temp = tempfile::tempdir().unwrap();
    let (socket, other) = (temp.path().join("s"), temp.path().join("t"));
    let bound = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    bind(&bound, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let nameless = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    listen(&nameless, 1).unwrap_or_default();
    let shared = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    sockopt::set_socket_reuseport(&shared, true).unwrap();
    bind(&shared, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    listen(&shared, 1).unwrap();
    let cases: Vec<(&str, OwnedFd, &str)> = vec![
        (TCP, tcp("0.0.0.0:0"), "it listens on 0.0.0.0:"),
        (TCP, tcp("[::]:0"), "it listens on [::]:"),
        (TCP, tcp("127.0.0.2:0"), "it listens on 127.0.0.2:"),
        (TCP, bound, "it takes no connections"),
        (TCP, shared, "others may listen there as well"),
        (TCP, UdpSocket::bind("127.0.0.1:0").unwrap().into(), "it takes no connections"),
        (TCP, UnixListener::bind(&other).unwrap().into(), "it is no TCP socket"),
        (TCP, std::fs::File::open("/dev/null").unwrap().into(), "it is no socket"),
        (UNIX, tcp("127.0.0.1:0"), "it is no Unix socket"),
        (UNIX, UnixListener::bind(temp.path().join("u")).unwrap().into(), "and clients look at "),
        (UNIX, UnixStream::pair().unwrap().0.into(), "it takes no connections"),
        (UNIX, UnixDatagram::bind(temp.path().join("d")).unwrap().into(), "it takes no connections"),
        (UNIX, nameless, "it "),
        ("web", tcp("127.0.0.1:0"), "only \"unix\" and \"tcp\" are known"),
    ];
    for (name, file, why) in cases {
        let said = refused(vec![(name, file)], &socket);
        assert!(said.starts_with(&format!("the service manager passed {name:?}")), "{said}");
        assert!(said.contains(why), "{said}: not {why}");
    }
}

#[test]
fn no_two_of_a_kind_and_no_two_ports() {
    let temp = tempfile::tempdir().unwrap();
    let socket = temp.path().join("s");
    let unix = UnixListener::bind(&socket).unwrap();
    let twice = vec![(UNIX, unix.try_clone().unwrap().into()), (UNIX, unix.into())];
    assert!(refused(twice, &socket).contains("more than one"));
    let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
    let twice = vec![(TCP, v4.try_clone().unwrap().into()), (TCP, v4.into())];
    assert!(refused(twice, &socket).contains("more than one on 127.0.0.1:"));
    assert!(
        refused(vec![(TCP, tcp("127.0.0.1:0")), (TCP, tcp("[::1]:0"))], &socket).contains("different ports")
    );
}

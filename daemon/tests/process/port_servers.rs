//! The protocols of portpicker and of gRPC's port server, spoken byte by byte
//! to the real daemon. Their own clients are let loose on it in .ci/portpicker.
#![cfg(target_os = "linux")]

mod grpc;
mod picker;
mod rooms;

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr as UnixAddress, UnixStream},
    },
    process::{Child, Command, Stdio},
};

use crate::{
    daemon::{Home, overwrite},
    support::{http::PATIENCE, ports::POOL},
};

/// The port of gRPC's protocol, which is none for leases.
fn grpc_port(home: &Home) -> u16 {
    home.ports.at(POOL - 2)
}

/// A name that no other test has.
fn name(home: &Home) -> String {
    home.path("ports").display().to_string()
}

/// With these settings under `[compat]`.
fn home(compat: impl Fn(&Home) -> String) -> Home {
    let home = Home::new();
    let text = format!(
        "pool = \"{}\"\n[api]\nport = {}\n[compat]\n{}\n",
        home.ports.pool(),
        home.api(),
        compat(&home)
    );
    overwrite(&home.path("config.toml"), &text);
    home
}

/// That serves portpicker under an abstract name.
fn home_of_picker() -> Home {
    home(|home| format!("portpicker = [\"@{}\"]", name(home)))
}

fn home_of_grpc() -> Home {
    home(|home| format!("grpc_port_server = {}", grpc_port(home)))
}

/// A connection to the abstract name.
fn connect(home: &Home) -> UnixStream {
    let address = UnixAddress::from_abstract_name(name(home)).unwrap();
    let stream = UnixStream::connect_addr(&address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// What comes until the server closes.
fn rest(mut stream: impl Read) -> Vec<u8> {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        read => drop(read.expect("the server closes")),
    }
    rest
}

/// The answer to one request.
fn ask(home: &Home, request: impl AsRef<[u8]>) -> Vec<u8> {
    let mut stream = connect(home);
    stream.write_all(request.as_ref()).unwrap();
    rest(stream)
}

/// The port that a process gets; none when it is refused.
fn port_for(home: &Home, pid: u32) -> Option<u16> {
    port(&ask(home, format!("{pid}\n")))
}

/// A port and a line feed; a refusal is nothing at all.
fn port(answer: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(answer).unwrap();
    (!text.is_empty()).then(|| text.strip_suffix('\n').unwrap().parse().unwrap())
}

/// A process that lives until it is ended.
fn process() -> Child {
    Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// One HTTP request as the C++ client sends it, and all that comes back.
fn get(home: &Home, path: &str) -> String {
    get_from(SocketAddr::from(([127, 0, 0, 1], grpc_port(home))), path, "")
}

fn get_from(address: SocketAddr, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let host = format!("Host: localhost:{}", address.port());
    let request = format!(
        "GET {path} HTTP/1.1\r\n{host}\r\nConnection: close\r\nUser-Agent: grpc-httpcli/0.0\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    String::from_utf8(rest(stream)).unwrap()
}

/// The body of an answer that is as those clients need it.
#[track_caller]
fn body(answer: &str) -> &str {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200 ok\r\n"), "{answer:?}");
    assert!(head.contains("\r\nconnection: close"), "{answer:?}");
    assert!(head.contains(&format!("\r\ncontent-length: {}", body.len())), "{answer:?}");
    assert!(!head.contains("transfer-encoding"), "{answer:?}");
    body
}

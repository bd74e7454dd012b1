//! What an app speaks, found out from real servers.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener},
    process::{Child, Command, Stdio},
    thread,
};

use serde_json::Value;

use crate::server::TestServer;

/// An HTTP server of Python's own, with TLS when a certificate is given.
const SERVER: &str = "
import http.server, ssl, sys
server = http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), http.server.BaseHTTPRequestHandler)
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2])
    if len(sys.argv) > 3:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    server.socket = context.wrap_socket(server.socket, server_side=True)
print('serving', flush=True)
server.serve_forever()
";

struct Server(Child);

impl Server {
    fn start(port: u16, args: &[&str]) -> Self {
        let mut python = Command::new("python3");
        python
            .args(["-c", SERVER, &port.to_string()])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = python.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "serving\n");
        Self(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _may_be_gone = self.0.kill();
        let _status = self.0.wait();
    }
}

/// The status, the summary and the fix of the check.
#[track_caller]
fn tls(server: &TestServer, port: u16, host: &str) -> (String, String, Option<String>) {
    let diagnosis = server.get(&format!("/v1/ports/{port}/diagnosis?host={host}")).json(200);
    let checks = diagnosis["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["id"] == "tls").unwrap_or(&Value::Null);
    let word = |field: &str| check[field].as_str().map(str::to_owned);
    (word("status").unwrap_or_default(), word("summary").unwrap_or_default(), word("fix"))
}

fn said(status: &str, summary: &str, fix: Option<String>) -> (String, String, Option<String>) {
    (status.to_owned(), summary.to_owned(), fix)
}

#[test]
#[ignore = "needs python3: .ci/run runs it"]
fn plain_http() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    let _app = Server::start(port, &[]);
    for host in ["localhost", "http://127.0.0.1"] {
        assert_eq!(tls(&server, port, host), said("ok", "it speaks HTTP", None));
    }
    let fix = format!("use http://127.0.0.1:{port}, or let the app serve TLS");
    let expected = said("fail", "it speaks HTTP without TLS, so https:// gets no answer", Some(fix));
    assert_eq!(tls(&server, port, "https://127.0.0.1"), expected);
}

#[test]
#[ignore = "needs python3 and openssl: .ci/run runs it"]
fn https() {
    let server = TestServer::start();
    let port = server.ports.at(0);
    let file = server.dir().join("certificate.pem");
    let file = file.to_str().unwrap();
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=x",
        ])
        .args(["-keyout", file, "-out", &format!("{file}.crt")])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let certificate = std::fs::read(format!("{file}.crt")).unwrap();
    std::fs::File::options().append(true).open(file).unwrap().write_all(&certificate).unwrap();
    for args in [&[file][..], &[file, "1.3"]] {
        let _app = Server::start(port, args);
        let fix = Some(format!("use https://localhost:{port}, or let the app serve plain HTTP"));
        let summary = "it speaks TLS, so http:// gets no answer";
        assert_eq!(tls(&server, port, "localhost"), said("warn", summary, fix.clone()));
        assert_eq!(tls(&server, port, "http://localhost"), said("fail", summary, fix));
        assert_eq!(tls(&server, port, "https://localhost"), said("ok", "it speaks TLS", None));
    }
}

#[test]
fn a_server_that_speaks_first_is_asked_nothing() {
    let server = TestServer::start();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, server.ports.at(0))).unwrap();
    let port = listener.local_addr().unwrap().port();
    let app = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        client.write_all(b"SSH-2.0-test\r\n").unwrap();
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).unwrap();
        heard
    });
    let expected = said("ok", "it speaks neither HTTP nor TLS: it is SSH", None);
    assert_eq!(tls(&server, port, "127.0.0.1"), expected);
    assert!(app.join().unwrap().is_empty());
}

#[test]
fn an_app_that_accepts_and_is_silent_is_asked_twice() {
    let server = TestServer::start();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, server.ports.at(0))).unwrap();
    let port = listener.local_addr().unwrap().port();
    let app = thread::spawn(move || {
        let hear = |_| {
            let (mut client, _) = listener.accept().unwrap();
            let mut heard = Vec::new();
            client.read_to_end(&mut heard).unwrap();
            heard
        };
        [0, 1].map(hear)
    });
    assert_eq!(tls(&server, port, "127.0.0.1"), said("", "", None));
    let [first, second] = app.join().unwrap();
    assert_eq!(first, b"HEAD / HTTP/1.0\r\n\r\n");
    assert!(second.starts_with(b"\x16\x03\x01"));
}

#[test]
fn an_app_that_takes_no_connections_is_asked_nothing() {
    let server = TestServer::start();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, server.ports.at(0))).unwrap();
    let port = listener.local_addr().unwrap().port();
    assert_eq!(tls(&server, port, "127.0.0.1"), said("", "", None));
    let mut heard = Vec::new();
    listener.accept().unwrap().0.read_to_end(&mut heard).unwrap();
    assert!(heard.is_empty());
}

//! The least that a command line can cost: one request over a Unix socket, its
//! answer on stdout, and nothing but the standard library.
//!
//! `portlease-bench-minimal SOCKET PATH`

use std::{
    env,
    io::{self, Read, Write},
    os::unix::net::UnixStream,
};

fn main() -> io::Result<()> {
    let mut words = env::args().skip(1);
    let (Some(socket), Some(path)) = (words.next(), words.next()) else {
        return Err(io::Error::other("a socket and a path are wanted"));
    };
    let mut stream = UnixStream::connect(socket)?;
    let head = "Host: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2";
    stream.write_all(format!("PUT {path} HTTP/1.1\r\n{head}\r\n\r\n{{}}").as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    io::stdout().write_all(&answer)
}

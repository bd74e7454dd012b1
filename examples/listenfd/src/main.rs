//! A server that takes the listening socket it is given:
//! `portlease run --listen-fd -- cargo run`.

use std::{
    error::Error,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
};

use listenfd::ListenFd;

fn main() -> Result<(), Box<dyn Error>> {
    let given = ListenFd::from_env().take_tcp_listener(0)?;
    let listener = match given {
        Some(listener) => listener,
        None => TcpListener::bind(("127.0.0.1", 0))?,
    };
    println!("http://{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let mut stream = stream?;
        // A browser that has asked waits for no more than this.
        let mut head = BufReader::new(stream.try_clone()?).lines();
        while head.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
        let body = "listenfd-example\n";
        let length = body.len();
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")?;
    }
    Ok(())
}

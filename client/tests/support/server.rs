//! A server in a process of its own: this test, started again.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
};

/// The address to listen on, set for the process that is to be the server.
const SERVE: &str = "PORTLEASE_TEST_SERVE";

/// It listens until it is dropped.
pub(crate) struct Server {
    child: Child,
}

impl Server {
    /// Listens on `address`, from the directory `cwd`, with `word` among its
    /// arguments. `test` is the path of [`serve_if_asked`]'s caller.
    pub(crate) fn start(test: &str, address: (&str, u16), cwd: &Path, word: &str) -> Self {
        // The harness takes more words for the names of more tests.
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", word])
            .env(SERVE, format!("{} {}", address.0, address.1))
            .current_dir(cwd)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().ends_with("serving")), "it does not serve");
        Self { child }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended yet.
    pub(crate) fn lives(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _may_be_gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// What the server does, if this process was started as one.
pub(crate) fn serve_if_asked() {
    let Ok(place) = std::env::var(SERVE) else { return };
    let (address, port) = place.split_once(' ').unwrap();
    let _listener = TcpListener::bind((address, port.parse().unwrap())).unwrap();
    let mut stdout = std::io::stdout();
    stdout.write_all(b"serving\n").and_then(|()| stdout.flush()).unwrap();
    // Until whoever started it is gone.
    let _ended = std::io::stdin().read(&mut [0]);
}

//! The ceiling of portpicker's protocol: who connects is read from and answered,
//! and nothing else is done. No protocol with a connection for each port can be
//! quicker here.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
};

use anyhow::Result;

use crate::output;

/// Serves until killed, and says when.
pub(crate) fn serve(path: &Path) -> Result<()> {
    let listener = UnixListener::bind(path)?;
    output::value("serving");
    for stream in listener.incoming() {
        // What the client does wrong is told by the client.
        let _ended = answer(stream?);
    }
    Ok(())
}

fn answer(mut stream: UnixStream) -> io::Result<()> {
    let mut request = [0; 64];
    let _read = stream.read(&mut request)?;
    stream.write_all(b"15000\n")
}

//! Small files of `/proc`, in one read: their size is not known beforehand, and
//! the general way asks for it and then reads on until nothing comes.

use std::{
    fs::File,
    io::{self, ErrorKind, Read},
    path::Path,
};

/// More than nearly all of them have.
const ROOM: usize = 4096;

/// All of a file. The kernel makes its text when it is read: what comes short
/// of the room that there is, is all.
pub(crate) fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut room = [0; ROOM];
    let read = loop {
        match file.read(&mut room) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    let mut bytes = room[..read].to_vec();
    if read == ROOM {
        file.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        process::{Command, Stdio},
    };

    use super::*;

    #[test]
    fn a_short_file_and_one_that_has_more() {
        let own = "/proc/self/cmdline";
        assert_eq!(read(own).unwrap(), fs::read(own).unwrap());
        assert!(read("/proc/self/no such file").is_err());

        let words = vec!["x".repeat(1000); 20];
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo; read x"]).args(&words);
        let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // Until it runs it has no words.
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let path = format!("/proc/{}/cmdline", child.id());
        let line = read(path);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(line.unwrap().len(), "sh\0-c\0echo; read x\0".len() + 20 * 1001);
    }
}

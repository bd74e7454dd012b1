//! Linux: pages of the program's file that are as they are in the file.

use std::{ffi::c_void, fs, io, ops::Range};

use rustix::mm::{Advice, madvise};

/// Lets the kernel take the program's code and constants out of this process's
/// memory. What is needed again is mapped again from the file, or from the
/// kernel's cache of it, at its next use. Returns how many bytes there were.
///
/// # Errors
/// When `/proc` cannot be read, or the kernel refuses.
pub fn give_back_code() -> io::Result<u64> {
    let program = fs::read_link("/proc/self/exe")?;
    let mappings = clean(&fs::read_to_string("/proc/self/smaps")?, &program.to_string_lossy());
    let mut bytes = 0;
    for Mapping { addresses, resident } in mappings {
        let start = std::ptr::without_provenance_mut::<c_void>(addresses.start);
        #[expect(unsafe_code, reason = "pages that are as they are in the file come back as they were")]
        // SAFETY: the program's own mappings stay as long as the process, nothing writes to
        // them (`clean`), and what is read from them is read from the file again.
        unsafe { madvise(start, addresses.len(), Advice::LinuxDontNeed) }?;
        bytes += resident;
    }
    Ok(bytes)
}

/// A stretch of the program's file in memory.
#[derive(Debug, PartialEq, Eq)]
struct Mapping {
    addresses: Range<usize>,
    /// How many bytes of it are there.
    resident: u64,
}

/// The mappings of the file at `program` that nothing can write to and nothing
/// has: what the loader has relocated is not as it is in the file. The format is
/// that of proc_pid_smaps(5).
fn clean(smaps: &str, program: &str) -> Vec<Mapping> {
    let mut found = Vec::new();
    // Of the mapping whose lines these are.
    let (mut addresses, mut resident) = (None, 0);
    for line in smaps.lines() {
        if let Some((key, rest)) = line.split_once(": ").filter(|(key, _)| !key.contains(' ')) {
            let kib: u64 = rest.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0);
            match key {
                "Rss" => resident = kib * 1024,
                "Anonymous" if kib == 0 => {
                    let clean = addresses.take().map(|addresses| Mapping { addresses, resident });
                    found.extend(clean);
                }
                _ => {}
            }
        } else {
            addresses = mapped(line, program);
        }
    }
    found
}

/// The addresses in a head, if it is that of the program and read-only.
fn mapped(head: &str, program: &str) -> Option<Range<usize>> {
    let path = head.find('/').map(|at| &head[at..]);
    let mut words = head.split_whitespace();
    let (addresses, mode) = (words.next()?, words.next()?);
    if path != Some(program) || !matches!(mode, "r--p" | "r-xp") {
        return None;
    }
    let (start, end) = addresses.split_once('-')?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    Some(number(start)?..number(end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &str = "\
5000-7000 r--p 00000000 08:01 42                         /usr/bin/an app
Size:                  8 kB
Rss:                   4 kB
Anonymous:             0 kB
VmFlags: rd mr mw me
7000-9000 r-xp 00002000 08:01 42                         /usr/bin/an app
Rss:                   8 kB
Anonymous:             0 kB
9000-a000 r--p 00004000 08:01 42                         /usr/bin/an app
Rss:                   4 kB
Anonymous:             4 kB
a000-b000 rw-p 00005000 08:01 42                         /usr/bin/an app
Rss:                   4 kB
Anonymous:             0 kB
b000-c000 r--p 00000000 08:01 43                         /usr/lib/libc.so.6
Rss:                   4 kB
Anonymous:             0 kB
c000-d000 r--p 00000000 00:00 0
Rss:                   4 kB
Anonymous:             0 kB
";

    #[test]
    fn what_is_written_to_or_somebody_elses_stays() {
        let mapping = |addresses, resident| Mapping { addresses, resident };
        let expected = [mapping(0x5000..0x7000, 4096), mapping(0x7000..0x9000, 8192)];
        assert_eq!(clean(SMAPS, "/usr/bin/an app"), expected);
        assert_eq!(clean(SMAPS, "/usr/bin/other"), []);
        assert_eq!(clean("no smaps: at all\n\u{0}", "/usr/bin/an app"), []);
    }
}

//! Whether SQLite will find all that was committed in its log. It reads the
//! log up to the first frame that is not as it was written, and says nothing:
//! what comes after that is forgotten. The formats are described in
//! <https://sqlite.org/fileformat2.html> (4) and <https://sqlite.org/walformat.html>.

use std::{
    fs,
    io::{self, ErrorKind},
    path::Path,
};

use super::{StoreError, inspect::beside};
use crate::clock::Now;

const HEADER: usize = 32;
const FRAME: usize = 24;

/// What SQLite will make of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All that was committed.
    Whole,
    /// Some of it.
    Broken,
    /// What was committed to another registry.
    Foreign,
}

/// Looks at the log beside the registry at `path` before anybody opens that.
pub(super) fn verdict(path: &Path, now: Now) -> Result<Verdict, StoreError> {
    let read = |suffix: &str| match fs::read(beside(path, suffix)) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    };
    let both = || -> io::Result<Verdict> {
        // After a power cut the index may be older than the log.
        let started = now.wall.checked_sub(now.boot);
        let written = fs::metadata(beside(path, "-shm")).and_then(|index| index.modified()).ok();
        let index = if written >= started { read("-shm")? } else { Vec::new() };
        Ok(judge(&read("-wal")?, &index))
    };
    both().map_err(|source| StoreError::Io { path: beside(path, "-wal"), source })
}

/// A killed process leaves an index that tells how many frames were committed.
/// Without one (the machine was started anew) the log itself must do: frames of
/// its own after one that is not as it was written.
fn judge(log: &[u8], index: &[u8]) -> Verdict {
    let broken = match (Index::read(index), Log::read(log)) {
        (Some(index), _) if index.frames == 0 => false,
        (Some(index), Some(read)) if read.salt != index.salt => return Verdict::Foreign,
        (Some(index), Some(read)) => read.committed < index.frames,
        (Some(_), None) => true,
        (None, Some(read)) => read.more,
        (None, None) => log.len() > HEADER,
    };
    if broken { Verdict::Broken } else { Verdict::Whole }
}

/// What can be read of a log.
struct Log {
    salt: [u8; 8],
    /// Frames up to the last commit.
    committed: u32,
    /// Whether a frame of this log comes after what can be read.
    more: bool,
}

impl Log {
    fn read(log: &[u8]) -> Option<Self> {
        let header = log.first_chunk::<HEADER>()?;
        let big_endian = match word(header, 0) {
            0x377f_0682 => false,
            0x377f_0683 => true,
            _ => return None,
        };
        let mut sum = checksum([0, 0], &header[..24], big_endian);
        if sum != [word(header, 24), word(header, 28)] {
            return None;
        }
        let size = usize::try_from(word(header, 8)).ok().filter(|size| (512..=65_536).contains(size))?;
        let salt: [u8; 8] = *header[16..].first_chunk()?;
        let (mut committed, mut count, mut whole) = (0, 0, true);
        let mut more = false;
        for frame in log[HEADER..].chunks_exact(FRAME + size) {
            let ours = frame[8..16] == salt;
            if whole {
                let sum_here = checksum(checksum(sum, &frame[..8], big_endian), &frame[FRAME..], big_endian);
                whole = ours && sum_here == [word(frame, 16), word(frame, 20)];
                sum = sum_here;
            }
            more |= !whole && ours;
            count += u32::from(whole);
            if whole && word(frame, 4) != 0 {
                committed = count;
            }
        }
        Some(Self { salt, committed, more })
    }
}

/// What the index of a log tells.
struct Index {
    salt: [u8; 8],
    frames: u32,
}

impl Index {
    fn read(index: &[u8]) -> Option<Self> {
        let header = index.first_chunk::<48>()?;
        let native = |at: usize| header[at..].first_chunk().map(|bytes| u32::from_ne_bytes(*bytes));
        // The index is there twice, so that half an update can be told.
        if native(0)? != 3_007_000 || header[12] == 0 || index.get(48..96)? != header {
            return None;
        }
        Some(Self { salt: *header[32..].first_chunk()?, frames: native(16)? })
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

fn checksum([mut a, mut b]: [u32; 2], bytes: &[u8], big_endian: bool) -> [u32; 2] {
    let number =
        |bytes: [u8; 4]| if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
    for pair in bytes.as_chunks::<8>().0 {
        let [x0, x1, x2, x3, y0, y1, y2, y3] = *pair;
        a = a.wrapping_add(number([x0, x1, x2, x3])).wrapping_add(b);
        b = b.wrapping_add(number([y0, y1, y2, y3])).wrapping_add(a);
    }
    [a, b]
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use rusqlite::Connection;

    use super::*;

    /// The log and its index, as a killed process leaves them after five commits.
    fn left() -> [Vec<u8>; 2] {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("registry.db");
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
        connection.execute_batch("CREATE TABLE t (x)").unwrap();
        for _ in 0..4 {
            connection.execute_batch("INSERT INTO t VALUES (randomblob(3000))").unwrap();
        }
        ["-wal", "-shm"].map(|suffix| fs::read(beside(&path, suffix)).unwrap())
    }

    #[test]
    fn a_log_as_it_was_left_is_whole() {
        let [log, index] = left();
        for (log, index) in [(&log[..], &index[..]), (&log, &[]), (&[], &[])] {
            assert_eq!(judge(log, index), Verdict::Whole);
        }
        let frames = Log::read(&log).unwrap().committed;
        assert!(frames >= 5 && Index::read(&index).unwrap().frames == frames);
        let first = Log::read(&log[..HEADER + FRAME + 4096]).unwrap();
        assert_eq!(first.committed, 0, "its commit is in the next frame");
    }

    #[test]
    fn each_flipped_bit_is_told() {
        let [log, index] = left();
        let last_frame = log.len() - 4096 - FRAME;
        for at in (0..log.len()).step_by(97).chain([0, 17, 24, last_frame, log.len() - 1]) {
            let mut flipped = log.clone();
            flipped[at] ^= 4;
            assert_ne!(judge(&flipped, &index), Verdict::Whole, "at {at}");
            // Which a log cannot tell of itself, if its own salt is hit.
            let salt =
                at < HEADER || (at - HEADER) % (FRAME + 4096) >= 8 && (at - HEADER) % (FRAME + 4096) < 16;
            assert!(judge(&flipped, &[]) == Verdict::Broken || salt, "at {at} without an index");
        }
    }

    #[test]
    fn what_is_no_log_is_told() {
        let [log, index] = left();
        for (log, index, expected) in [
            (&log[..HEADER - 1], &index[..], Verdict::Broken),
            (&[], &index, Verdict::Broken),
            (&[7; HEADER], &[], Verdict::Whole),
            (&[7; HEADER + 1], &[], Verdict::Broken),
        ] {
            assert_eq!(judge(log, index), expected, "{} bytes", log.len());
        }
        let mut empty = index;
        for header in [0, 48] {
            empty[header + 16..header + 20].fill(0);
        }
        assert_eq!(judge(&[7; 99], &empty), Verdict::Whole, "no commit was in it");
    }

    /// Another machine may count its bytes the other way round. The sums of
    /// <https://sqlite.org/fileformat2.html> (4.2), worked out by hand.
    #[test]
    fn the_first_word_tells_how_the_sums_are_made() {
        let words = [1, 2, 3, 4].map(u32::to_be_bytes).concat();
        assert_eq!(checksum([0, 0], &words, true), [7, 14]);
        assert_eq!(checksum([0, 0], &words, false), [7 << 24, 14 << 24]);
        let mut log = [0; HEADER];
        log[..4].copy_from_slice(&0x377f_0683_u32.to_be_bytes());
        log[8..12].copy_from_slice(&4096_u32.to_be_bytes());
        let sum = checksum([0, 0], &log[..24], true).map(u32::to_be_bytes);
        log[24..].copy_from_slice(&sum.concat());
        assert!(Log::read(&log).is_some_and(|read| read.committed == 0 && !read.more));
        log[3] = 0x82;
        assert!(Log::read(&log).is_none());
    }

    #[test]
    fn half_an_index_is_none() {
        let [_, index] = left();
        for at in [0, 12, 48, 95] {
            let mut half = index.clone();
            half[at] = !half[at];
            assert!(Index::read(&half).is_none(), "at {at}");
        }
        let mut unused = index.clone();
        (unused[12], unused[60]) = (0, 0);
        assert!(Index::read(&unused).is_none(), "nobody has begun to use it");
        assert!(Index::read(&index[..95]).is_none());
    }

    #[test]
    fn an_index_from_before_a_power_cut_says_nothing() {
        let [log, index] = left();
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("registry.db");
        let now = Now { wall: crate::doubles::at(5000).wall, ..crate::doubles::at(1000) };
        assert_eq!(verdict(&path, now).unwrap(), Verdict::Whole);
        for (suffix, bytes) in [("-wal", &log[..log.len() - 1]), ("-shm", &index)] {
            fs::File::create(beside(&path, suffix)).unwrap().write_all(bytes).unwrap();
        }
        for (modified, expected) in [(3999, Verdict::Whole), (4000, Verdict::Broken), (4500, Verdict::Broken)]
        {
            let index = fs::File::options().write(true).open(beside(&path, "-shm")).unwrap();
            index.set_modified(crate::doubles::at(modified).wall).unwrap();
            assert_eq!(verdict(&path, now).unwrap(), expected, "of {modified}");
        }
        fs::remove_file(beside(&path, "-wal")).unwrap();
        fs::create_dir(beside(&path, "-wal")).unwrap();
        assert!(matches!(verdict(&path, now), Err(StoreError::Io { .. })));
    }

    #[test]
    fn a_log_that_is_short_or_anothers_is_told_by_the_index() {
        let ([log, index], [other, _]) = (left(), left());
        let cut = &log[..log.len() - 1];
        assert_eq!([cut, &[]].map(|log| judge(log, &index)), [Verdict::Broken; 2]);
        assert_eq!(judge(&other, &index), Verdict::Foreign);
        assert_eq!(judge(cut, &[]), Verdict::Whole, "as a power cut may leave it");
    }
}

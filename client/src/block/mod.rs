//! Our own block in a file of somebody else's. Pure but for `file`, which
//! reads and replaces the file.

mod file;

use std::ops::Range;

pub(crate) use file::update;

const BEGIN: &str = "# >>> portlease >>>";
const END: &str = "# <<< portlease <<<";

/// Why a block cannot be told from the rest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Damaged {
    #[error("line {line} is {marker:?}, which should be there once and is there again")]
    Twice { line: usize, marker: &'static str },
    #[error("line {line} is {marker:?}, and {other:?} is not {place} it")]
    Alone { line: usize, marker: &'static str, other: &'static str, place: &'static str },
    #[error("a value contains a line like {BEGIN:?} or {END:?}")]
    Inside,
}

/// `text` with `lines` for its block, which is added at the end if there is
/// none. Every other byte stays; the block's lines end as the first line does.
pub(crate) fn replace(text: &[u8], lines: &str) -> Result<Vec<u8>, Damaged> {
    let crlf = text.split_inclusive(|byte| *byte == b'\n').next().is_some_and(|line| line.ends_with(b"\r\n"));
    let newline = if crlf { "\r\n" } else { "\n" };
    let body: String = lines.lines().map(|line| format!("{line}{newline}")).collect();
    let mut block = format!("{BEGIN}{newline}{body}{END}");
    let (before, after) = match find(text)? {
        Some(place) => (&text[..place.start], &text[place.end..]),
        None => {
            if !text.is_empty() && !text.ends_with(b"\n") {
                block.insert_str(0, newline);
            }
            block.push_str(newline);
            (text, &[][..])
        }
    };
    let replaced = [before, block.as_bytes(), after].concat();
    // What a value brings along must not be taken for a marker the next time.
    match find(&replaced) {
        Ok(Some(_)) => Ok(replaced),
        _ => Err(Damaged::Inside),
    }
}

/// Where the block is, from its first marker to the end of its last, without
/// the end of that line.
fn find(text: &[u8]) -> Result<Option<Range<usize>>, Damaged> {
    let (mut begin, mut end) = (None, None);
    let mut start = 0;
    for (i, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let written = line.trim_ascii_end();
        for (marker, place) in [(BEGIN, &mut begin), (END, &mut end)] {
            if written == marker.as_bytes() && place.replace((i + 1, start, start + written.len())).is_some()
            {
                return Err(Damaged::Twice { line: i + 1, marker });
            }
        }
        start += line.len();
    }
    match (begin, end) {
        (None, None) => Ok(None),
        (Some((first, start, _)), Some((last, _, end))) if first < last => Ok(Some(start..end)),
        (Some((line, ..)), _) => Err(Damaged::Alone { line, marker: BEGIN, other: END, place: "below" }),
        (None, Some((line, ..))) => Err(Damaged::Alone { line, marker: END, other: BEGIN, place: "above" }),
    }
}

#[cfg(test)]
mod tests;

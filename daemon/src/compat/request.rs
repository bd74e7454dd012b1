//! What a client of portpicker sends: a process id in decimal, and a line feed.
//! The original reads it as Python's `int` does. Pure.

/// The most bytes of a request, the line feed among them.
const MOST: usize = 20;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// A port for this process.
    For(u32),
    /// A port for a number that no process has that may be given one: the first
    /// process of the machine inherits the children of others.
    ForNobody,
    /// It is no number.
    Garbage,
}

/// Whether a request is whole, so that nothing more is waited for.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    bytes.contains(&b'\n') || bytes.len() > MOST
}

/// Reads a request.
pub(super) fn parse(bytes: &[u8]) -> Asked {
    if bytes.len() > MOST {
        return Asked::Garbage;
    }
    let number = trim(bytes);
    let (digits, negative) = match number {
        [b'-', digits @ ..] => (digits, true),
        [b'+', digits @ ..] => (digits, false),
        digits => (digits, false),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Asked::Garbage;
    }
    let pid = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    match pid {
        Some(pid) if pid > 1 && !negative => Asked::For(pid),
        _ => Asked::ForNobody,
    }
}

/// What Python strips: a vertical tab is among it, and not for `u8`.
fn trim(mut bytes: &[u8]) -> &[u8] {
    let is_blank = |byte: u8| byte.is_ascii_whitespace() || byte == b'\x0b';
    while let [first, rest @ ..] = bytes
        && is_blank(*first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && is_blank(*last)
    {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_request() {
        for (text, asked) in [
            ("1234\n", Asked::For(1234)),
            ("1234", Asked::For(1234)),
            ("1234\r\n", Asked::For(1234)),
            ("  1234 \n", Asked::For(1234)),
            ("\t\x0b1234\x0c\n", Asked::For(1234)),
            ("+1234\n", Asked::For(1234)),
            ("0001234\n", Asked::For(1234)),
            ("2\n", Asked::For(2)),
            ("4294967295\n", Asked::For(u32::MAX)),
            ("00000000000000001234", Asked::For(1234)),
            ("1\n", Asked::ForNobody),
            ("0\n", Asked::ForNobody),
            ("-1\n", Asked::ForNobody),
            ("-1234\n", Asked::ForNobody),
            ("4294967296\n", Asked::ForNobody),
            ("9999999999999999999\n", Asked::ForNobody),
            ("", Asked::Garbage),
            ("\n", Asked::Garbage),
            ("99Z\n", Asked::Garbage),
            ("99 8\n", Asked::Garbage),
            ("12\n34", Asked::Garbage),
            ("+\n", Asked::Garbage),
            ("--1\n", Asked::Garbage),
            ("1.5\n", Asked::Garbage),
            ("0x12\n", Asked::Garbage),
            ("GET / HTTP/1.1\r\n", Asked::Garbage),
            // One byte too many, although it is a number.
            ("000000000000000001234", Asked::Garbage),
            ("00000000000000001234\n", Asked::Garbage),
        ] {
            assert_eq!(parse(text.as_bytes()), asked, "{text:?}");
        }
        assert_eq!(parse(b"12\xff\n"), Asked::Garbage);
    }

    #[test]
    fn when_nothing_more_is_waited_for() {
        assert!(is_whole(b"1\n"));
        assert!(is_whole(&[b'1'; 21]));
        assert!(!is_whole(&[b'1'; 20]));
        assert!(!is_whole(b""));
    }
}

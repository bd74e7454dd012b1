//! The rest of a file stays, byte for byte.

use super::*;

fn replaced(text: &str, lines: &str) -> Result<String, String> {
    let bytes = replace(text.as_bytes(), lines).map_err(|error| error.to_string())?;
    Ok(String::from_utf8(bytes).unwrap())
}

#[test]
fn a_block_is_added_at_the_end() {
    let block = format!("{BEGIN}\nA='1'\nB='2'\n{END}\n");
    let lines = "A='1'\nB='2'\n";
    assert_eq!(replaced("", lines), Ok(block.clone()));
    assert_eq!(replaced("X=1\n", lines), Ok(format!("X=1\n{block}")));
    assert_eq!(replaced("X=1\r\n\n", lines), Ok(format!("X=1\r\n\n{}", block.replace('\n', "\r\n"))));
    assert_eq!(replaced("X=1", lines), Ok(format!("X=1\n{block}")));
    assert_eq!(replaced("# >>> portlease >>>x\n", lines), Ok(format!("# >>> portlease >>>x\n{block}")));
}

#[test]
fn a_block_is_replaced_in_its_place() {
    for (before, after) in
        [("", ""), ("", "\n"), ("X=1\n\n", "\nY=2\n"), ("X=1\n", "\n\n  Z"), ("\u{feff}x\n", "\r\n")]
    {
        let text = |lines: &str| format!("{before}{BEGIN}\n{lines}{END}{after}");
        assert_eq!(replaced(&text("A=0\nold\n"), "A=1\n"), Ok(text("A=1\n")));
        assert_eq!(replaced(&text(""), "A=1\n"), Ok(text("A=1\n")));
        // Once more changes nothing.
        assert_eq!(replaced(&text("A=1\n"), "A=1\n"), Ok(text("A=1\n")));
    }
    let crlf = format!("X=1\r\n{BEGIN}\r\nA=0\r\n{END}\r\nY=2");
    assert_eq!(replaced(&crlf, "A=1\n"), Ok(crlf.replace("A=0", "A=1")));
    // No text at all, as far as we know.
    let odd = [b"\xff\0\n", format!("{BEGIN}\n{END}\n").as_bytes(), b"\xfe"].concat();
    let expected = [b"\xff\0\n", format!("{BEGIN}\nA=1\n{END}\n").as_bytes(), b"\xfe"].concat();
    assert_eq!(replace(&odd, "A=1\n"), Ok(expected));
}

#[test]
fn damaged_markers_are_named() {
    for (text, named) in [
        (
            format!("X\n{BEGIN}\nA=1\n"),
            "line 2 is \"# >>> portlease >>>\", and \"# <<< portlease <<<\" is not below it",
        ),
        (
            format!("{END}\nA=1\n"),
            "line 1 is \"# <<< portlease <<<\", and \"# >>> portlease >>>\" is not above it",
        ),
        (format!("{END}\n{BEGIN}\n"), "line 2 is \"# >>> portlease >>>\", and"),
        (
            format!("{BEGIN}\n{BEGIN}\n{END}\n"),
            "line 2 is \"# >>> portlease >>>\", which should be there once",
        ),
        (format!("{BEGIN}\n{END}\n{BEGIN}\n{END}\n"), "line 3"),
        (format!("{BEGIN}\n{END}\nx\n{END}\n"), "line 4"),
    ] {
        assert!(replaced(&text, "A=1\n").unwrap_err().starts_with(named), "{text}");
    }
    let value = format!("A='\n{END}\n'\n");
    assert!(replaced("", &value).unwrap_err().starts_with("a value contains a line"));
}

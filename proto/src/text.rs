//! Making text that others wrote (argv, paths, names) harmless to print.

/// `text` with every character written as an escape that could move a
/// terminal's cursor, forge a log line or reorder what is read: C0, DEL, C1,
/// line and paragraph separators, bidirectional and zero-width characters.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_treacherous(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

fn is_treacherous(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' // C0, DEL, C1
        | '\u{2028}' | '\u{2029}' // line and paragraph separators
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // bidi
        | '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}') // zero width
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn harmless_text_stays() {
        assert_eq!(escape("node server.js --port=3000 ü 日本"), "node server.js --port=3000 ü 日本");
    }

    #[test]
    fn treacherous_text_is_shown_as_escapes() {
        assert_eq!(escape("\u{1b}[31m"), "\\u{1b}[31m");
        assert_eq!(escape("a\nb\u{7f}\u{9b}"), "a\\u{a}b\\u{7f}\\u{9b}");
        assert_eq!(escape("\u{202e}cod\u{200b}\u{2028}"), "\\u{202e}cod\\u{200b}\\u{2028}");
    }
}

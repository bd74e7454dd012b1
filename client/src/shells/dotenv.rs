//! `.env` files have no standard. What is written here docker compose
//! (compose-go), dotenv of npm and python-dotenv read alike, which leaves three
//! forms, none of which takes every value.

/// The value in the first form that it fits in, or why it fits in none.
pub(super) fn quote(value: &str) -> Result<String, &'static str> {
    if in_single(value) {
        return Ok(format!("'{value}'"));
    }
    if in_double(value) {
        return Ok(format!("\"{}\"", value.replace('\r', r"\r")));
    }
    if bare(value) {
        return Ok(value.to_owned());
    }
    Err(why(value))
}

/// python-dotenv takes two backslashes for one, one before the last quote for
/// an escape, and `${` for a variable even here; dotenv makes `\r` a newline.
fn in_single(value: &str) -> bool {
    !value.contains(['\'', '\r']) && !value.contains(r"\\") && !value.contains("${") && !value.ends_with('\\')
}

/// dotenv escapes nothing here but newlines, docker compose expands `$`.
fn in_double(value: &str) -> bool {
    !value.contains(['"', '\\', '$'])
}

/// Up to the end of the line or a `#`, without the blanks around it.
fn bare(value: &str) -> bool {
    let begins_quoted = value.starts_with(['\'', '"', '`']);
    let odd = |c: char| c.is_control() || c == '#' || c == '$' || c == '\u{feff}';
    !value.is_empty() && !begins_quoted && value.trim() == value && !value.contains(odd)
}

fn why(value: &str) -> &'static str {
    if value.contains("${") {
        "it contains ${"
    } else if value.contains('$') {
        "it contains a quote and $"
    } else if value.contains('\'') && value.contains('"') {
        "it contains both quotes, and begins with one or has a #, a newline or blanks around it"
    } else {
        "it contains backslashes beside a quote, a # or a newline"
    }
}

//! Names made of what directories are called.

/// The longest name.
const MOST: usize = 63;

/// `text` made to fit the rule of names: each stretch of other characters
/// becomes one hyphen, and what may not begin a name, or would look odd at its
/// end, goes. None if nothing is left.
pub(super) fn fit(text: &str) -> Option<String> {
    let mut name = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            name.push(c);
        } else if !name.ends_with('-') {
            name.push('-');
        }
    }
    let odd = |c: char| !c.is_ascii_alphanumeric();
    let mut name = name.trim_matches(odd);
    name = name.get(..MOST).unwrap_or(name).trim_end_matches(odd);
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use portlease_proto::ServiceName;

    use super::fit;

    #[test]
    fn directories_have_other_names_than_projects() {
        for (text, name) in [
            ("app", "app"),
            ("My App (2)", "My-App-2"),
            ("a  b", "a-b"),
            ("a - b", "a--b"),
            (".dotfiles", "dotfiles"),
            ("_x_", "x"),
            ("app.git", "app.git"),
            ("café", "caf"),
            ("a@b", "a-b"),
            ("a\u{1b}[2Jb", "a-2Jb"),
            (&"x".repeat(70), &"x".repeat(63)),
            (&format!("{}-tail", "x".repeat(62)), &"x".repeat(62)),
        ] {
            assert_eq!(fit(text).as_deref(), Some(name), "{text:?}");
            assert!(name.parse::<ServiceName>().is_ok(), "{name:?}");
        }
        for text in ["", "...", "- -", "日本語"] {
            assert_eq!(fit(text), None, "{text:?}");
        }
    }
}

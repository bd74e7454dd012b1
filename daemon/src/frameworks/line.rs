//! A command line that is mended: told a port, or an address. Pure.

use super::known::{Known, Place};

/// What an app is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tell {
    /// Its port.
    Port,
    /// To listen on loopback alone.
    Loopback,
    /// Both.
    Both,
}

/// Tells the app; `port` is the text for the port. None if a word that the
/// place of it follows is not there.
pub(super) fn told(words: &[&str], known: &Known, tell: Tell, port: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    if tell != Tell::Loopback {
        let keep_address = tell == Tell::Port;
        set(&mut words, &known.port, port, keep_address)?;
        if !known.also.is_empty() && !words.iter().any(|word| word == known.also) {
            words.push(known.also.to_owned());
        }
    }
    if tell != Tell::Port {
        set(&mut words, &known.address, port, false)?;
    }
    Some(words)
}

/// What npm runs gets options only after `--`.
pub(super) fn for_npm(words: &mut Vec<&str>) {
    if !words.contains(&"--") {
        words.push("--");
    }
}

fn set(words: &mut Vec<String>, place: &Place, port: &str, keep_address: bool) -> Option<()> {
    let value = |there: &str| {
        let value = place.value.replace("PORT", port);
        match (there.rsplit_once(':'), value.rsplit_once(':')) {
            // Who typed an address means it, where only the port is wrong.
            (Some((address, _)), Some((_, port))) if keep_address => format!("{address}:{port}"),
            _ => value,
        }
    };
    let is_option = !place.is_word();
    for at in 0..words.len() {
        if place.after.contains(&words[at].as_str()) {
            match words.get(at + 1).filter(|next| !next.starts_with('-')) {
                Some(there) => words[at + 1] = value(there),
                None => words.insert(at + 1, value("")),
            }
            return Some(());
        }
        if is_option && let Some((option, there)) = joined(&words[at], place.after) {
            words[at] = format!("{option}{}", value(there));
            return Some(());
        }
    }
    is_option.then(|| words.extend([place.after[0].to_owned(), value("")]))
}

/// An option with its value in one word, `--port=3000` or `-p3000`.
fn joined<'a>(word: &'a str, options: &[&str]) -> Option<(&'a str, &'a str)> {
    options.iter().find_map(|option| {
        let rest = word.strip_prefix(option)?;
        let is_short = option.len() == 2 && rest.starts_with(|c: char| c.is_ascii_digit());
        let end = if is_short { option.len() } else { option.len() + 1 };
        (is_short || rest.starts_with('=')).then(|| word.split_at(end))
    })
}

//! What a shell offers at the Tab key: it asks this very program, with the words
//! typed so far, through the registration that `portlease completions` prints.
//! `candidates` and `line` are pure; `live` alone asks the daemon.

mod attach;
mod candidates;
mod line;
mod live;
mod programs;
mod shell;

use std::{
    ffi::{OsStr, OsString},
    sync::Arc,
};

use clap_complete::env::Shells;

pub(crate) use shell::Shell;

/// Names the shell that asks. Its own name, so that no setting of another
/// program turns commands into answers.
const VARIABLE: &str = "PORTLEASE_COMPLETE";

/// What to print if it was a shell that asked. An answer that cannot be given
/// is an empty one: nobody wants to read errors while typing.
pub(crate) fn asked() -> Option<Vec<u8>> {
    let shell = std::env::var(VARIABLE).ok().filter(|shell| !shell.is_empty())?;
    let words: Vec<OsString> = std::env::args_os().skip_while(|word| word != "--").skip(1).collect();
    Some(answer(&shell, words).unwrap_or_default())
}

fn answer(shell: &str, mut words: Vec<OsString>) -> Option<Vec<u8>> {
    const SHELLS: Shells<'static> = Shells::builtins();
    let shell = SHELLS.completer(shell)?;
    // Where the cursor is. fish has cut the line there.
    let index = std::env::var("_CLAP_COMPLETE_INDEX").ok().and_then(|index| index.parse().ok());
    let index = index.or_else(|| words.len().checked_sub(1))?;
    if index == words.len() {
        words.push(OsString::new());
    }
    let current = words.get(index)?.clone();
    let line = Arc::new(line::Line::of(words.get(1..index)?));
    let mut command = attach::attach(&line, current.is_empty());
    let directory = std::env::current_dir().ok();
    let mut answer = Vec::new();
    shell.write_complete(&mut command, words, directory.as_deref(), &mut answer).ok()?;
    Some(answer)
}

/// Whether a candidate begins as what was typed.
fn begins(candidate: &OsStr, typed: &OsStr) -> bool {
    candidate.as_encoded_bytes().starts_with(typed.as_encoded_bytes())
}

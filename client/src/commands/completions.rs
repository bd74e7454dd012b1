//! `portlease completions`

use crate::{args::CompletionsArgs, output};

/// Whatever `portlease` the shell finds later may be another version: it is
/// told where this one is, unless it was found by its name.
pub(crate) fn completions(args: &CompletionsArgs) {
    let called = std::env::args().next().filter(|name| !name.contains('/'));
    let this = || std::env::current_exe().ok().and_then(|path| path.into_os_string().into_string().ok());
    let program = args.program.clone().or(called).or_else(this);
    output::text(&args.shell.registration(program.as_deref().unwrap_or("portlease")));
}

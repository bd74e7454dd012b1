//! `portlease help`

use clap::{CommandFactory, Parser};

use crate::{
    args::{Args, HelpArgs},
    exit::{Exit, Failure},
    help, output,
};

pub(crate) fn help(args: &HelpArgs) -> Result<(), Failure> {
    let words = &args.topic;
    let topic = match words.as_slice() {
        [word] => help::topic(word),
        _ => None,
    };
    let command = help::command(&Args::command(), words).is_some();
    if !command && topic.is_none() {
        let asked = words.join(" ");
        let failure = Failure::new(Exit::Usage, format!("there is no command and no topic {asked:?}"));
        return Err(match help::nearest(&asked) {
            Some(name) => failure.hint(format!("portlease help {name}, or portlease help for all")),
            None => failure,
        });
    }
    if command {
        // The same as the command itself says.
        let words = ["portlease"].into_iter().chain(words.iter().map(String::as_str)).chain(["--help"]);
        if let Err(said) = Args::try_parse_from(words) {
            let _gone = said.print();
        }
    }
    match topic {
        Some(topic) if command => output::text(&format!("\n{}", topic.shown())),
        Some(topic) => output::text(topic.shown()),
        None if words.is_empty() => output::text(&help::list()),
        None => {}
    }
    Ok(())
}

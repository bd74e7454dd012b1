//! `portlease env`

use std::collections::BTreeMap;

use portlease::variables::{self, VariablesError};
use portlease_proto::{Paths, Port, ServiceName};

use super::whole::{Whole, whole};
use crate::{
    args::{Command, EnvArgs},
    block,
    exit::{Exit, Failure},
    output,
    shells::Format,
};

pub(crate) async fn env(paths: &Paths, args: EnvArgs) -> Result<(), Failure> {
    let format = format(&args);
    if args.write.is_some() && format == Format::Json {
        return Err(Failure::new(Exit::Usage, "json has no comments, so no lines of a file could be marked")
            .hint("portlease env --format json > FILE"));
    }
    let whole = whole(args.project.as_deref(), args.root, "env")?;
    // What cannot be written is known before anything is leased: a port is
    // digits, whichever it is.
    let any = |service: &ServiceName| (service.clone(), Port::constant(1));
    written(&whole, &whole.request.services.keys().map(any).collect(), format)?;

    let ports = whole.lease(paths).await?;
    let text = written(&whole, &ports, format)?;
    let Some(file) = args.write else {
        output::text(&text);
        return Ok(());
    };
    let changed = block::update(&file, &text).map_err(|error| Failure::from_chain(Exit::Failed, &error))?;
    let names: Vec<String> = variables(&whole, &ports)?.into_iter().map(|(name, _)| name).collect();
    let (names, file) = (names.join(", "), file.display());
    output::note(&match changed {
        true => format!("wrote {names} to {file}"),
        false => format!("{names} in {file} are up to date"),
    });
    Ok(())
}

fn format(args: &EnvArgs) -> Format {
    args.format.unwrap_or(if args.write.is_some() { Format::Dotenv } else { Format::Shell })
}

fn variables(whole: &Whole, ports: &BTreeMap<ServiceName, Port>) -> Result<Vec<(String, String)>, Failure> {
    variables::variables(&whole.manifest, None, ports).map_err(|error| {
        let failure = Failure::new(Exit::Usage, error.to_string());
        match error {
            VariablesError::Twice { .. } => {
                failure.hint("write env = \"VARIABLE\" below [services.NAME] of one in portlease.toml")
            }
            _ => failure,
        }
    })
}

fn written(whole: &Whole, ports: &BTreeMap<ServiceName, Port>, format: Format) -> Result<String, Failure> {
    let written = format.write(&variables(whole, ports)?);
    written.map_err(|error| Failure::new(Exit::Failed, error.to_string()).hint("portlease env --format json"))
}

/// What is printed when this command fails, for whoever runs what it prints.
pub(crate) fn failing(command: &Command) -> Option<&'static str> {
    match command {
        Command::Env(args) if args.write.is_none() => format(args).failing(),
        _ => None,
    }
}

/// The same for a command line that is not understood.
pub(crate) fn failing_words(mut words: impl Iterator<Item = String>) -> Option<&'static str> {
    words.nth(1).filter(|command| command == "env").and_then(|_| Format::guess(words).failing())
}

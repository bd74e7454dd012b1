//! `portlease export` and `portlease import`

use std::{io::Read, path::Path};

use portlease_proto::{Export, ImportReport, Outcome, Paths};

use crate::{
    args::ImportArgs,
    exit::{Exit, Failure},
    output, start,
};

pub(crate) async fn export(paths: &Paths) -> Result<(), Failure> {
    let export = start::ask(paths, async |client| client.export().await).await?;
    output::json(&export);
    Ok(())
}

pub(crate) async fn import(paths: &Paths, args: &ImportArgs) -> Result<(), Failure> {
    let export = read(args.file.as_deref().filter(|file| *file != Path::new("-")))?;
    // Asked twice, it does nothing more.
    let leases = start::ask(paths, async |client| client.import(&export).await).await?;
    if args.json {
        output::json(&ImportReport { leases });
        return Ok(());
    }
    for lease in &leases {
        let name = format!("{}/{}", lease.project, lease.service);
        let because = lease.because.as_ref().map(|because| format!(": {because}")).unwrap_or_default();
        output::note(&match lease.outcome {
            Outcome::Kept => format!("{name} was there and keeps {}{because}", lease.port),
            Outcome::Moved => format!("{name} has {} now{because}", lease.port),
            Outcome::Granted | Outcome::Unknown => format!("{name} has {}{because}", lease.port),
        });
    }
    if leases.is_empty() {
        output::note("there is no lease in it");
    }
    Ok(())
}

/// A file, or standard input.
fn read(file: Option<&Path>) -> Result<Export, Failure> {
    let name = file.map_or_else(|| "standard input".to_owned(), |file| file.display().to_string());
    let failed = |what: &dyn std::fmt::Display| Failure::new(Exit::Failed, format!("{name}: {what}"));
    let text = match file {
        Some(file) => std::fs::read_to_string(file).map_err(|error| failed(&error))?,
        None => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map_err(|error| failed(&error))?;
            text
        }
    };
    let export: Export = serde_json::from_str(&text)
        .map_err(|error| failed(&error).hint("it must be what this printed: portlease export"))?;
    export.check().map_err(|why| failed(&why))?;
    Ok(export)
}

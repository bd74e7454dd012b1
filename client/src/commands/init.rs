//! `portlease init`

use std::{
    fs,
    io::{self, IsTerminal, stderr, stdin},
    path::Path,
};

use portlease::{Identity, manifest::Manifest};
use portlease_proto::{NAME_RULE, ProjectName};

use crate::{
    args::InitArgs,
    exit::{Exit, Failure},
    files,
    init::{self, Texts},
    output,
};

const FILE: &str = "portlease.toml";

pub(crate) fn init(args: &InitArgs) -> Result<(), Failure> {
    let dir = std::env::current_dir().map_err(|error| Failure::from_chain(Exit::Failed, &error))?;
    let path = dir.join(FILE);
    if !args.dry_run && !args.force && fs::symlink_metadata(&path).is_ok() {
        return Err(Failure::new(Exit::Failed, format!("there is a {FILE} here already"))
            .hint("see what would be written: portlease init --dry-run; write it: portlease init --force"));
    }
    let project = project(args.project.as_deref(), &dir)?;
    let findings = init::find(&Texts::read(&dir));
    for (file, why) in &findings.skipped {
        output::note(&format!("{file} was left out: {why}"));
    }
    let text = init::manifest(project.as_str(), &findings.found);
    Manifest::parse(&text, &path).map_err(|error| Failure::from_chain(Exit::Failed, &error))?;

    if !args.yes {
        output::text(&text);
    }
    if args.dry_run {
        return Ok(());
    }
    consent(args)?;
    write(&path, &text, args.force)
        .map_err(|error| Failure::new(Exit::Failed, format!("{FILE} cannot be written: {error}")))?;
    output::note(&format!("wrote {FILE}: portlease env prints its variables"));
    Ok(())
}

/// Without a checkout, which is told by the directory and not by its manifest.
/// A directory inside of a project is called after both.
fn project(named: Option<&str>, dir: &Path) -> Result<ProjectName, Failure> {
    let name = named.map(str::to_owned).or_else(|| {
        let own = dir.file_name().map(|name| name.to_string_lossy().into_owned());
        // What is wrong with a manifest that is replaced does not matter.
        match portlease::identify(dir, std::env::home_dir().as_deref()).ok().flatten() {
            Some(Identity { project, root, .. }) => {
                let (base, _) = project.as_str().split_once('@').unwrap_or((project.as_str(), ""));
                let inside = own.filter(|_| !dir.canonicalize().is_ok_and(|dir| dir == root));
                init::fit(&inside.map_or(base.to_owned(), |own| format!("{base}-{own}")))
            }
            None => init::fit(&own?),
        }
    });
    let none = || {
        let message = format!("no name can be made of this directory: a name is {NAME_RULE}");
        Failure::new(Exit::Usage, message).hint("portlease init --project NAME")
    };
    name.ok_or_else(none)?
        .parse()
        .map_err(|error: portlease_proto::InvalidName| Failure::from_chain(Exit::Usage, &error))
}

fn consent(args: &InitArgs) -> Result<(), Failure> {
    if args.yes {
        return Ok(());
    }
    if !stdin().is_terminal() || !stderr().is_terminal() {
        let force = if args.force { " --force" } else { "" };
        return Err(Failure::new(Exit::Usage, "nothing was written: there is nobody to ask")
            .hint(format!("portlease init{force} --yes")));
    }
    match output::ask(&format!("write this to {FILE}?")) {
        true => Ok(()),
        false => Err(Failure::new(Exit::Failed, "nothing was written")),
    }
}

/// Whole or not at all; not over one that came meanwhile.
fn write(path: &Path, text: &str, force: bool) -> io::Result<()> {
    let target = files::target(path)?;
    let like = fs::metadata(&target).ok();
    let temp = files::beside(&target, text.as_bytes(), like.as_ref())?;
    let written = if force { temp.persist(&target) } else { temp.persist_noclobber(&target) };
    written.map(drop).map_err(|error| error.error)
}

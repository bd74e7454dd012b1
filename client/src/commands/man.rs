//! `portlease man`

use std::path::Path;

use clap::CommandFactory;

use crate::{
    args::{Args, ManArgs},
    exit::{Exit, Failure},
    files, help, output, pages,
};

pub(crate) fn man(args: &ManArgs) -> Result<(), Failure> {
    // Built, so that each command knows its full name.
    let mut program = Args::command();
    program.build();
    if let Some(dir) = &args.dir {
        return write_all(dir, &program);
    }
    let Some(command) = help::command(&program, &args.command) else {
        let asked = args.command.join(" ");
        return Err(Failure::new(Exit::Usage, format!("there is no command {asked:?}"))
            .hint("portlease help lists them"));
    };
    output::text(&pages::page(command));
    Ok(())
}

fn write_all(dir: &Path, program: &clap::Command) -> Result<(), Failure> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| {
        Failure::new(Exit::Failed, format!("{} cannot be written: {error}", path.display()))
    };
    std::fs::create_dir_all(dir).map_err(|error| failed(dir, &error))?;
    let pages = pages::all(program);
    for (name, page) in &pages {
        let path = dir.join(name);
        let target = files::target(&path).map_err(|error| failed(&path, &error))?;
        let temp = files::beside(&target, page.as_bytes(), None).map_err(|error| failed(&path, &error))?;
        temp.persist(&target).map_err(|error| failed(&path, &error.error))?;
    }
    output::note(&format!("wrote {} pages to {}", pages.len(), dir.display()));
    Ok(())
}

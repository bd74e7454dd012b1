//! The project that a command is about as a whole: its name, its directory and
//! what its manifest says.

use std::path::Path;

use portlease::{Identity, NamedBy, manifest::Manifest};
use portlease_proto::{Identify, ProjectName};

use super::whose::{Whose, whose};
use crate::{
    args::Names,
    exit::{Exit, Failure},
};

/// The project of a command line without names of services.
#[derive(Debug)]
pub(crate) struct Here {
    pub(crate) project: ProjectName,
    /// The directory and what of it named the project, if it did.
    pub(crate) directory: Option<(String, Identify)>,
    /// Empty where there is none.
    pub(crate) manifest: Manifest,
}

/// As [`whose`].
pub(crate) fn here(project: Option<&str>, command: &str) -> Result<Here, Failure> {
    let names = Names { name: None, service: None, project: project.map(str::to_owned) };
    let Whose { project, identity, manifest, .. } = whose(&names, &[], command)?;
    let directory = match identity {
        Some(Identity { root, named_by, .. }) => Some((absolute(&root)?, by(named_by))),
        None => None,
    };
    Ok(Here { project, directory, manifest: manifest.unwrap_or_default() })
}

/// A directory as it can be told to the daemon.
pub(crate) fn absolute(root: &Path) -> Result<String, Failure> {
    let path = std::path::absolute(root).map_err(|error| Failure::from_chain(Exit::Usage, &error))?;
    path.into_os_string().into_string().map_err(|_| Failure::new(Exit::Usage, "the root is not UTF-8 text"))
}

/// As the API has it.
pub(crate) fn by(named_by: NamedBy) -> Identify {
    match named_by {
        NamedBy::Manifest => Identify::Manifest,
        NamedBy::Directory => Identify::Directory,
    }
}

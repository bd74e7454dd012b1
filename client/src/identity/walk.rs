//! The walk up from a directory. Pure: it sees files through a trait.

use std::path::Path;

use portlease_proto::ProjectName;

use super::{Identity, IdentityError, NamedBy, files::Files, git, name::fit};
use crate::manifest::{FILE, Manifest};

/// A checkout that was found.
struct Checkout {
    /// What the repository is called.
    name: String,
    worktree: Option<String>,
}

/// As [`super::identify`], for paths without symbolic links.
pub(super) fn identify(
    files: &impl Files,
    start: &Path,
    home: Option<&Path>,
) -> Result<Option<Identity>, IdentityError> {
    for dir in above(start, home) {
        if let Some(manifest) = manifest(files, dir)? {
            // The manifest may be somewhere inside of the checkout.
            let checkout = checkout_above(files, dir, home)?;
            return named(dir, Some(manifest), checkout).map(Some);
        }
        if let Some(checkout) = checkout(files, dir)? {
            return named(dir, None, Some(checkout)).map(Some);
        }
    }
    Ok(None)
}

fn above<'a>(start: &'a Path, home: Option<&'a Path>) -> impl Iterator<Item = &'a Path> {
    start.ancestors().take_while(move |dir| Some(*dir) != home)
}

fn manifest(files: &impl Files, dir: &Path) -> Result<Option<Manifest>, IdentityError> {
    let path = dir.join(FILE);
    let text = files.text(&path).map_err(|source| unreadable(&path, source))?;
    let Some(text) = text else { return Ok(None) };
    if let Some(uid) = files.stranger(&path) {
        return Err(IdentityError::AnotherUser { path, uid });
    }
    Ok(Some(Manifest::parse(&text, &path)?))
}

fn checkout_above(
    files: &impl Files,
    dir: &Path,
    home: Option<&Path>,
) -> Result<Option<Checkout>, IdentityError> {
    for dir in above(dir, home) {
        if let Some(checkout) = checkout(files, dir)? {
            return Ok(Some(checkout));
        }
    }
    Ok(None)
}

/// What is in `dir`, if that is the top of a checkout.
fn checkout(files: &impl Files, dir: &Path) -> Result<Option<Checkout>, IdentityError> {
    let git = dir.join(".git");
    let own_name = || dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    // A directory without a HEAD is no repository for git either.
    if files.exists(&git.join("HEAD")) {
        return Ok(Some(Checkout { name: own_name(), worktree: None }));
    }
    let text = files.text(&git).map_err(|source| unreadable(&git, source))?;
    let found = text.and_then(|text| git::read(&text, dir));
    Ok(found.map(|found| Checkout { name: found.main.unwrap_or_else(own_name), worktree: found.worktree }))
}

fn named(
    root: &Path,
    manifest: Option<Manifest>,
    checkout: Option<Checkout>,
) -> Result<Identity, IdentityError> {
    let no_name = || IdentityError::NoName { root: root.to_owned() };
    let chosen = manifest.as_ref().and_then(|manifest| manifest.project.clone());
    let named_by = if chosen.is_some() { NamedBy::Manifest } else { NamedBy::Directory };
    let name = match (chosen, &checkout) {
        (Some(project), _) => project.to_string(),
        (None, Some(checkout)) => fit(&checkout.name).ok_or_else(no_name)?,
        (None, None) => root.file_name().and_then(|name| fit(&name.to_string_lossy())).ok_or_else(no_name)?,
    };
    // An id that no name can be made of still tells it from the main checkout.
    let worktree = checkout
        .and_then(|checkout| checkout.worktree)
        .map(|id| fit(&id).unwrap_or_else(|| "worktree".to_owned()));
    let text = match worktree {
        Some(id) => format!("{name}@{id}"),
        None => name,
    };
    let project: ProjectName = text.parse().map_err(|_| no_name())?;
    Ok(Identity { project, root: root.to_owned(), named_by, manifest })
}

fn unreadable(path: &Path, source: std::io::Error) -> IdentityError {
    IdentityError::Unreadable { path: path.to_owned(), source }
}

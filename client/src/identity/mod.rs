//! Which project a directory belongs to: found by walking up from it, with no
//! process started. The walk and the names are pure; `files` is the only one
//! that reads.

mod files;
mod git;
mod name;
mod walk;

use std::{
    io,
    path::{Path, PathBuf},
};

use portlease_proto::{NAME_RULE, ProjectName};

use crate::manifest::{Manifest, ManifestError};
use files::SystemFiles;

/// What a directory is called, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The project: `NAME`, or `NAME@ID` in a linked worktree of git, whose own
    /// id for it that is.
    pub project: ProjectName,
    /// The project's directory, without symbolic links: where its manifest is,
    /// else the top of the checkout.
    pub root: PathBuf,
    /// Where the name comes from.
    pub named_by: NamedBy,
    /// What `portlease.toml` says, where there is one.
    pub manifest: Option<Manifest>,
}

/// Where a project's name comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedBy {
    /// `project` in its manifest: somebody chose it.
    Manifest,
    /// The name of a directory.
    Directory,
}

/// Why a directory has no identity that could be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The directory itself cannot be found.
    #[error("the directory {} cannot be read", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What is on the way up cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The manifest is neither this user's nor root's, nor does it belong to
    /// whoever owns the directory: it may not say what happens here.
    #[error("{} belongs to another user (uid {uid}), so it is not followed", path.display())]
    AnotherUser {
        /// The file.
        path: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// No character of the directory's name may be part of a name.
    #[error("no name can be made of the directory {}: a name is {NAME_RULE}", root.display())]
    NoName {
        /// The project's directory.
        root: PathBuf,
    },
    /// The manifest makes no sense.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// The identity of a directory, or none if there is neither `portlease.toml`
/// nor `.git` in it or above it. The nearest of them counts. The walk ends
/// below `home`, which is never a project itself (it may well be a repository,
/// of settings), and at the root of the file system.
///
/// - The name is `project` of the manifest, else the name of the repository's
///   main checkout. A name that comes from a directory is made to fit: each
///   stretch of characters that no name may have becomes one hyphen, hyphens,
///   dots and underscores at its ends go, and it ends after 63 characters.
/// - `.git` is read, never asked for by git: neither `GIT_DIR`, the branch nor
///   git's configuration matter. The repository that a linked worktree's `.git`
///   points to may be gone.
/// - A submodule is a project of its own.
///
/// ```no_run
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let home = std::env::home_dir();
/// if let Some(identity) = portlease::identify(&std::env::current_dir()?, home.as_deref())? {
///     println!("{} in {}", identity.project, identity.root.display());
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`IdentityError`]; none of them is about a mere absence.
pub fn identify(dir: &Path, home: Option<&Path>) -> Result<Option<Identity>, IdentityError> {
    let start =
        dir.canonicalize().map_err(|source| IdentityError::Directory { path: dir.to_owned(), source })?;
    // A home that is not there stops nobody.
    let home = home.and_then(|home| home.canonicalize().ok());
    walk::identify(&SystemFiles::of(&start), &start, home.as_deref())
}

#[cfg(test)]
mod tests;

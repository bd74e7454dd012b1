//! Under which project the leases of a directory are, for commands that grant
//! none: `get` settles that, and what it settled is asked for here.

use std::path::Path;

use portlease::{Identity, NamedBy};
use portlease_proto::{Lease, Paths, ProjectName};

use super::whose::Whose;
use crate::{
    exit::{Exit, Failure},
    start,
};

/// The project that `whose` means.
pub(crate) async fn settled(paths: &Paths, whose: &Whose) -> Result<ProjectName, Failure> {
    let Some(identity) = &whose.identity else { return Ok(whose.project.clone()) };
    let leases = start::ask(paths, async |client| client.list(None).await).await?;
    choose(identity, &leases, |root| Path::new(root).is_dir())
}

/// The project that has leases with this root, first of all the one that the
/// directory is called after. A project of that name in another directory is
/// another one.
fn choose(
    identity: &Identity,
    leases: &[Lease],
    is_there: impl Fn(&str) -> bool,
) -> Result<ProjectName, Failure> {
    let name = &identity.project;
    let may_be = |project: &ProjectName| {
        let rest = project.as_str().strip_prefix(name.as_str());
        identity.named_by == NamedBy::Directory
            || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['@', '-']))
    };
    let roots = |lease: &Lease| lease.root.as_deref().map(Path::new) == Some(&identity.root);
    let here = || leases.iter().filter(|lease| roots(lease) && may_be(&lease.project));
    if let Some(lease) = here().find(|lease| lease.project == *name).or_else(|| here().next()) {
        return Ok(lease.project.clone());
    }
    let of_name = leases.iter().filter(|lease| lease.project == *name);
    let mut elsewhere = of_name.filter_map(|lease| lease.root.as_deref());
    match elsewhere.find(|root| !Path::new(root).starts_with(&identity.root) && is_there(root)) {
        None => Ok(name.clone()),
        Some(root) => Err(Failure::new(
            Exit::NoSuchLease,
            format!("no lease of {}: {name} is {root}", identity.root.display()),
        )
        .hint("see which there are: portlease list")),
    }
}

//! A project as a whole: which one it is, what its manifest says, and the
//! leases of all of its services.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use portlease::{Client, Identity, IdentityError, NamedBy, manifest::Manifest, variables};
use portlease_proto::{
    BatchRequest, Identified, Identify, InvalidName, Paths, Port, ProjectLeases, ProjectName, ServiceName,
};

use super::whose::no_identity;
use crate::{
    exit::{Exit, Failure},
    output, start,
};

/// A project with everything that is asked for it.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) project: ProjectName,
    pub(crate) manifest: Manifest,
    pub(crate) request: BatchRequest,
}

/// The project of the working directory, or the one that is named: then the
/// directory's manifest still says which services there are.
pub(crate) fn whole(named: Option<&str>, root: Option<PathBuf>, command: &str) -> Result<Whole, Failure> {
    let env = std::env::var("PORTLEASE_PROJECT").ok().filter(|name| !name.is_empty());
    let here = std::env::current_dir()
        .map_err(|source| IdentityError::Directory { path: ".".into(), source })
        .and_then(|dir| portlease::identify(&dir, std::env::home_dir().as_deref()));
    decide(named.or(env.as_deref()), root, here, command)
}

fn decide(
    named: Option<&str>,
    root: Option<PathBuf>,
    here: Result<Option<Identity>, IdentityError>,
    command: &str,
) -> Result<Whole, Failure> {
    let (project, identity) = match (named, here) {
        (_, Err(error @ IdentityError::Manifest(_))) => return Err(no_identity(error, command)),
        (Some(name), here) => {
            let name = name.parse().map_err(|error: InvalidName| Failure::from_chain(Exit::Usage, &error))?;
            (name, here.ok().flatten())
        }
        (None, Ok(Some(identity))) => (identity.project.clone(), Some(identity)),
        (None, Ok(None)) => return Err(nowhere(command)),
        (None, Err(error)) => return Err(no_identity(error, &format!("{command} --project"))),
    };
    // A root that was typed is no part of where the name comes from, and a name
    // that was typed does not come from a root.
    let place = identity.as_ref().filter(|_| named.is_none() && root.is_none());
    let identify = place.map(|identity| by(identity.named_by));
    let root = root
        .or_else(|| place.map(|identity| identity.root.clone()))
        .map(|root| absolute(&root))
        .transpose()?;
    let manifest = identity.and_then(|identity| identity.manifest).unwrap_or_default();
    let mut services = variables::requests(&manifest);
    for request in services.values_mut() {
        // Whoever has a preferred port is told without being asked for.
        request.explain = !request.prefer.is_empty();
    }
    let request = BatchRequest { services, root, identify, ..BatchRequest::default() };
    request.check().map_err(|message| Failure::new(Exit::Usage, message))?;
    Ok(Whole { project, manifest, request })
}

impl Whole {
    /// The ports of all services, of which none is leased if one cannot be, and
    /// tells what is worth knowing about them.
    pub(crate) async fn lease(&self, paths: &Paths) -> Result<BTreeMap<ServiceName, Port>, Failure> {
        let leases = self.ask(paths, &self.request).await?;
        leases.leases.iter().for_each(output::moved);
        Ok(leases.leases.into_iter().map(|lease| (lease.service, lease.port)).collect())
    }

    /// Asks for `request`, and tells whose the name is and which wishes were
    /// not met.
    pub(crate) async fn ask(&self, paths: &Paths, request: &BatchRequest) -> Result<ProjectLeases, Failure> {
        let ask = async |client: &mut Client| client.get_all(&self.project, request).await;
        let mut leases = start::ask(paths, ask).await?;
        if let Some(Identified { because, .. }) = &leases.identified {
            output::note(&format!("this is {} from now on: {because}", leases.project));
        }
        for lease in &mut leases.leases {
            let wishes = request.services.get(&lease.service).map(|request| request.prefer.as_slice());
            if let Some(explanation) = lease.explain.take() {
                output::unmet(wishes.unwrap_or_default(), &explanation, lease.port);
            }
        }
        Ok(leases)
    }
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

fn nowhere(command: &str) -> Failure {
    Failure::new(
        Exit::Usage,
        "which project? neither here nor above is there a portlease.toml or a git repository",
    )
    .hint(format!("portlease {command} --project NAME, or write one: portlease init"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here(text: &str) -> Result<Option<Identity>, IdentityError> {
        let dir = tempfile::tempdir().unwrap();
        let mut file = std::fs::File::create(dir.path().join("portlease.toml")).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        portlease::identify(dir.path(), None)
    }

    const MANIFEST: &str = "project = \"here\"\n[services.web]\nprefer = 3000\n[services.db]\n";

    fn services(whole: &Whole) -> Vec<(&str, bool)> {
        whole.request.services.iter().map(|(name, request)| (name.as_str(), request.explain)).collect()
    }

    #[test]
    fn the_directory_says_which_services_and_who_it_is() {
        let whole = decide(None, None, here(MANIFEST), "env").unwrap();
        assert_eq!(whole.project.as_str(), "here");
        assert_eq!(whole.request.identify, Some(Identify::Manifest));
        assert!(whole.request.root.is_some());
        assert_eq!(services(&whole), [("db", false), ("web", true)]);
    }

    #[test]
    fn a_name_leaves_the_services() {
        let whole = decide(Some("other"), None, here(MANIFEST), "env").unwrap();
        assert_eq!((whole.project.as_str(), whole.request.identify), ("other", None));
        assert_eq!((whole.request.root.as_ref(), services(&whole).len()), (None, 2));
        let whole = decide(Some("other"), None, Ok(None), "env").unwrap();
        assert_eq!(services(&whole), [("default", false)]);
        assert_eq!(decide(Some("../x"), None, Ok(None), "env").unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn a_root_that_is_typed_names_nothing() {
        let whole = decide(None, Some("/srv".into()), here(MANIFEST), "env").unwrap();
        assert_eq!((whole.request.root.as_deref(), whole.request.identify), (Some("/srv"), None));
    }

    #[test]
    fn what_cannot_be_told_is_asked_for() {
        let failure = decide(None, None, Ok(None), "env").unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.hint.unwrap().starts_with("portlease env --project NAME"));
        assert!(decide(Some("a"), None, here("projct = 1"), "env").is_err());
        let nameless = || Err(IdentityError::NoName { root: "/w".into() });
        assert!(decide(None, None, nameless(), "env").is_err());
        assert!(decide(Some("a"), None, nameless(), "env").is_ok());
    }
}

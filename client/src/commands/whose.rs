//! Which project and service a command line means.

use portlease::{Identity, IdentityError, manifest};
use portlease_proto::{InvalidName, ProjectName, ServiceName};

use crate::{
    args::Names,
    exit::{Exit, Failure},
};

/// What the names on a command line stand for.
#[derive(Debug)]
pub(crate) struct Whose {
    pub(crate) project: ProjectName,
    /// None if no service was named.
    pub(crate) service: Option<ServiceName>,
    /// What is known of the directory, if the project's name comes from it.
    pub(crate) identity: Option<Identity>,
    /// What the manifest wishes for the service.
    pub(crate) wishes: manifest::Service,
}

/// Looks at the environment and, if need be, at the working directory.
pub(crate) fn whose(names: &Names, trailing: &[String], command: &str) -> Result<Whose, Failure> {
    let words: Vec<&str> =
        names.name.iter().chain(&names.service).chain(trailing).map(String::as_str).collect();
    let env = std::env::var("PORTLEASE_PROJECT").ok().filter(|name| !name.is_empty());
    let here = || {
        let dir = std::env::current_dir()
            .map_err(|source| IdentityError::Directory { path: ".".into(), source })?;
        portlease::identify(&dir, std::env::home_dir().as_deref())
    };
    decide(&words, names.project.as_deref(), env.as_deref(), here, command)
}

/// An explicit name wins: argument, `--project`, PORTLEASE_PROJECT. Otherwise
/// the directory names the project. A word that stands alone is a service if
/// the manifest has one by that name.
fn decide(
    words: &[&str],
    project: Option<&str>,
    env: Option<&str>,
    here: impl FnOnce() -> Result<Option<Identity>, IdentityError>,
    command: &str,
) -> Result<Whose, Failure> {
    match (words, project) {
        ([], Some(project)) => explicit(project, None),
        ([service], Some(project)) => explicit(project, Some(service)),
        ([project, service], None) => explicit(project, Some(service)),
        ([word], None) => match (here(), env) {
            (Ok(Some(identity)), _) if has_service(&identity, word) => in_project(identity, env, Some(word)),
            // Whether it is a service, only the manifest could tell.
            (Err(error @ IdentityError::Manifest(_)), _) => Err(no_identity(error, command)),
            _ => explicit(word, None),
        },
        ([], None) => match (here(), env) {
            (Ok(Some(identity)), _) => in_project(identity, env, None),
            (Err(error @ IdentityError::Manifest(_)), _) => Err(no_identity(error, command)),
            (_, Some(project)) => explicit(project, None),
            (Ok(None), None) => Err(Failure::new(
                Exit::Usage,
                "which project? neither here nor above is there a portlease.toml or a git repository",
            )
            .hint(format!("portlease {command} NAME, or set PORTLEASE_PROJECT"))),
            (Err(error), None) => Err(no_identity(error, command)),
        },
        _ => Err(Failure::new(Exit::Usage, "too many names: NAME and SERVICE are all")
            .hint(format!("portlease {command} --help"))),
    }
}

fn explicit(project: &str, service: Option<&str>) -> Result<Whose, Failure> {
    let project = project.parse().map_err(usage)?;
    let service = service.map(str::parse).transpose().map_err(usage)?;
    Ok(Whose { project, service, identity: None, wishes: manifest::Service::default() })
}

/// In the directory of a project, which PORTLEASE_PROJECT may call otherwise.
fn in_project(identity: Identity, env: Option<&str>, service: Option<&str>) -> Result<Whose, Failure> {
    let service: Option<ServiceName> = service.map(str::parse).transpose().map_err(usage)?;
    let services = identity.manifest.as_ref().map(|manifest| &manifest.services);
    let wished = services.and_then(|services| services.get(&service.clone().unwrap_or_default()));
    let wishes = wished.cloned().unwrap_or_default();
    let (project, identity) = match env {
        Some(project) => (project.parse().map_err(usage)?, None),
        None => (identity.project.clone(), Some(identity)),
    };
    Ok(Whose { project, service, identity, wishes })
}

fn has_service(identity: &Identity, word: &str) -> bool {
    let services = identity.manifest.as_ref().map(|manifest| &manifest.services);
    services.is_some_and(|services| services.keys().any(|service| service.as_str() == word))
}

fn usage(error: InvalidName) -> Failure {
    Failure::new(Exit::Usage, error.to_string())
}

pub(super) fn no_identity(error: IdentityError, command: &str) -> Failure {
    let failure = Failure::from_chain(Exit::Usage, &error);
    match error {
        IdentityError::Manifest(_) => failure,
        _ => failure.hint(format!(
            "portlease {command} NAME, or set PORTLEASE_PROJECT, or write project = \"NAME\" into portlease.toml"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        let dir = tempfile::tempdir().unwrap();
        let text = "project = \"here\"\n[services.web]\nprefer = 3000\n[services.default]\nprefer = 4000\n";
        let mut file = std::fs::File::create(dir.path().join("portlease.toml")).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        portlease::identify(dir.path(), None).unwrap().unwrap()
    }

    /// What is meant in a directory with a manifest.
    fn here(words: &[&str], project: Option<&str>, env: Option<&str>) -> Result<String, Exit> {
        let whose = decide(words, project, env, || Ok(Some(identity())), "get").map_err(|f| f.exit)?;
        let service = whose.service.clone().unwrap_or_default();
        let rooted = if whose.identity.is_some() { " rooted" } else { "" };
        let wishes: String = whose.wishes.prefer.iter().map(|port| format!(" {port}")).collect();
        Ok(format!("{}/{service}{rooted}{wishes}", whose.project))
    }

    fn elsewhere(words: &[&str], project: Option<&str>, env: Option<&str>) -> Result<String, Exit> {
        let whose = decide(words, project, env, || Ok(None), "get").map_err(|failure| failure.exit)?;
        Ok(format!("{}/{}", whose.project, whose.service.unwrap_or_default()))
    }

    #[test]
    fn an_explicit_name_wins() {
        for names in [here, elsewhere] {
            assert_eq!(names(&["a"], None, Some("e")), Ok("a/default".to_owned()));
            assert_eq!(names(&["a", "web"], None, Some("e")), Ok("a/web".to_owned()));
            assert_eq!(names(&["web"], Some("p"), Some("e")), Ok("p/web".to_owned()));
            assert_eq!(names(&[], Some("p"), Some("e")), Ok("p/default".to_owned()));
            assert_eq!(names(&["a", "web"], Some("p"), None), Err(Exit::Usage));
            assert_eq!(names(&["a", "b", "c"], None, None), Err(Exit::Usage));
            assert_eq!(names(&["../x"], None, None), Err(Exit::Usage));
            assert_eq!(names(&[""], None, None), Err(Exit::Usage));
        }
        assert_eq!(elsewhere(&["web"], None, Some("e")), Ok("web/default".to_owned()));
        assert_eq!(elsewhere(&[], None, Some("e")), Ok("e/default".to_owned()));
        assert_eq!(elsewhere(&[], None, None), Err(Exit::Usage));
    }

    #[test]
    fn the_directory_names_what_is_not_named() {
        assert_eq!(here(&[], None, None), Ok("here/default rooted 4000".to_owned()));
        assert_eq!(here(&["web"], None, None), Ok("here/web rooted 3000".to_owned()));
        assert_eq!(here(&["other"], None, None), Ok("other/default".to_owned()));
        assert_eq!(here(&["web"], None, Some("e")), Ok("e/web 3000".to_owned()));
        assert_eq!(here(&[], None, Some("e")), Ok("e/default 4000".to_owned()));
    }

    #[test]
    fn a_directory_without_a_name_is_in_nobodys_way_who_has_one() {
        let nameless = || Err(IdentityError::NoName { root: "/w".into() });
        let failure = decide(&[], None, None, nameless, "show").unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.hint.unwrap().starts_with("portlease show NAME, or set"));
        assert!(decide(&["a"], None, None, nameless, "get").is_ok());
        assert!(decide(&[], None, Some("e"), nameless, "get").is_ok());
    }
}

//! What the files of a project tell of its ports, and a manifest made of that.
//! Pure, a source a file; `files` alone reads.

mod command_line;
mod compose;
mod dotenv;
mod files;
mod frameworks;
mod languages;
mod merge;
mod package_json;
mod procfile;
mod written;

use portlease_proto::{Port, Protocol};

pub(crate) use files::Texts;
pub(crate) use merge::fit;
pub(crate) use written::manifest;

/// The service that people open in a browser.
const WEB: &str = "web";

/// Something that has a port.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Found {
    /// What it is called there; names are made to fit later.
    service: String,
    prefer: Option<Port>,
    /// The variable that it takes its port from.
    env: Option<String>,
    protocol: Option<Protocol>,
    /// The port inside of a container that is published on a fixed one.
    inside: Option<String>,
    /// That its name was made of a variable's, so that another may be meant.
    guessed: bool,
    /// Where it was found, and what else is to be known: a line each.
    notes: Vec<String>,
}

/// What was found, and which files could not be understood.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) found: Vec<Found>,
    /// A file and what is wrong in it.
    pub(crate) skipped: Vec<(String, String)>,
}

/// How one kind of file is read.
type Source = fn(&str, &str) -> Result<Vec<Found>, String>;

/// The files that are looked at: what comes first names a service and its port.
const SOURCES: [(&str, Source); 22] = [
    ("package.json", package_json::find),
    ("Procfile", procfile::find),
    ("Procfile.dev", procfile::find),
    ("manage.py", languages::django),
    ("pyproject.toml", languages::pyproject),
    ("requirements.txt", languages::requirements),
    ("Gemfile", languages::gemfile),
    ("Cargo.toml", languages::cargo),
    ("go.mod", languages::go),
    ("compose.yaml", compose::find),
    ("compose.yml", compose::find),
    ("docker-compose.yaml", compose::find),
    ("docker-compose.yml", compose::find),
    (".env", dotenv::find),
    (".env.local", dotenv::find),
    (".env.development", dotenv::find),
    (".env.development.local", dotenv::find),
    (".env.example", dotenv::find),
    (".env.sample", dotenv::find),
    (".env.template", dotenv::find),
    (".env.defaults", dotenv::find),
    (".flaskenv", dotenv::find),
];

/// Looks through these texts.
pub(crate) fn find(texts: &Texts) -> Findings {
    let mut findings = Findings::default();
    for (name, source) in SOURCES {
        match texts.get(name) {
            None => {}
            Some(Err(why)) => findings.skipped.push((name.to_owned(), why.clone())),
            Some(Ok(text)) => match source(name, text) {
                Ok(found) => findings.found.extend(found),
                Err(why) => findings.skipped.push((name.to_owned(), why)),
            },
        }
    }
    findings.found = merge::merge(findings.found);
    findings
}

#[cfg(test)]
mod tests;

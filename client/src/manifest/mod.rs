//! `portlease.toml`: what a project says of itself. Parsed and checked here,
//! read elsewhere.

mod template;

use std::{
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
};

use portlease_proto::{MAX_PREFERRED, NAME_RULE, Port, PortRange, ProjectName, Protocol, ServiceName};
use serde::{Deserialize, Deserializer, de};
use toml::Spanned;

pub use template::{Part, Template};

/// The manifest's name.
pub(crate) const FILE: &str = "portlease.toml";

/// What a project says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Manifest {
    /// What the project is called; never with a checkout.
    pub project: Option<ProjectName>,
    /// Its services.
    pub services: BTreeMap<ServiceName, Service>,
    /// Variables that are computed from its ports.
    pub env: BTreeMap<String, Template>,
}

/// `[services.NAME]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Service {
    /// These ports first, in this order.
    pub prefer: Vec<Port>,
    /// The variable that tells its port.
    pub env: Option<String>,
    /// Where its port must be free; both when not given.
    pub protocol: Option<Protocol>,
    /// A range to choose from in place of the pool.
    pub range: Option<PortRange>,
    /// Whether the daemon keeps its port by a socket until the app binds it.
    pub hold: Option<bool>,
}

/// A manifest that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is wrong{}\n{message}", path.display(), suggest(message))]
pub struct ManifestError {
    path: PathBuf,
    message: String,
}

impl Manifest {
    /// Parses the text of the manifest at `path`, which is named in errors.
    ///
    /// # Errors
    /// [`ManifestError`], with line and column, and for an unknown key the
    /// nearest known one.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ManifestError> {
        let wrong = |message: String| ManifestError { path: path.to_owned(), message };
        let file: File =
            toml::from_str(text).map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
        file.check().map_err(|(span, why)| wrong(at(text, &span, &why)))
    }
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct File {
    #[serde(deserialize_with = "project")]
    project: Option<ProjectName>,
    services: BTreeMap<Spanned<String>, ServiceTable>,
    env: BTreeMap<Spanned<String>, Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct ServiceTable {
    #[serde(deserialize_with = "prefer")]
    prefer: Vec<Port>,
    env: Option<Spanned<String>>,
    protocol: Option<Protocol>,
    range: Option<PortRange>,
    hold: Option<Spanned<bool>>,
}

/// A place in the text, and what is wrong there.
type Wrong = (Range<usize>, String);

impl File {
    fn check(self) -> Result<Manifest, Wrong> {
        let mut manifest = Manifest { project: self.project, ..Manifest::default() };
        let mut variables: BTreeMap<String, String> = BTreeMap::new();
        for (name, table) in self.services {
            let service: ServiceName =
                name.get_ref().parse().map_err(|error| (name.span(), format!("{error}")))?;
            if let Some(variable) = &table.env {
                check_variable(variable)?;
                let text = variable.get_ref().clone();
                if let Some(other) = variables.insert(text, service.to_string()) {
                    return Err((
                        variable.span(),
                        format!("service {other} has the variable {} already", variable.get_ref()),
                    ));
                }
            }
            manifest.services.insert(service, table.check()?);
        }
        for (variable, text) in self.env {
            check_variable(&variable)?;
            if let Some(service) = variables.get(variable.get_ref()) {
                return Err((
                    variable.span(),
                    format!("service {service} has the variable {} already", variable.get_ref()),
                ));
            }
            if text.get_ref().contains('\0') {
                return Err((text.span(), "no variable can have the character U+0000".to_owned()));
            }
            let template: Template = text.get_ref().parse().map_err(|why| (text.span(), why))?;
            manifest.check_services_of(&template).map_err(|why| (text.span(), why))?;
            manifest.env.insert(variable.into_inner(), template);
        }
        Ok(manifest)
    }
}

impl ServiceTable {
    fn check(self) -> Result<Service, Wrong> {
        if let Some(hold) = self.hold.as_ref().filter(|hold| *hold.get_ref())
            && self.protocol == Some(Protocol::Udp)
        {
            let why = "hold needs tcp: no socket holds a UDP port and lets the app bind it";
            return Err((hold.span(), why.to_owned()));
        }
        Ok(Service {
            prefer: self.prefer,
            env: self.env.map(Spanned::into_inner),
            protocol: self.protocol,
            range: self.range,
            hold: self.hold.map(Spanned::into_inner),
        })
    }
}

impl Manifest {
    /// A template may only name services that there are. A project that names
    /// none has one, by the name of `default`.
    fn check_services_of(&self, template: &Template) -> Result<(), String> {
        for service in template.services() {
            let there = self.services.contains_key(service)
                || (self.services.is_empty() && *service == ServiceName::default());
            if !there {
                let known: Vec<&str> = self.services.keys().map(ServiceName::as_str).collect();
                let known = if known.is_empty() { "default".to_owned() } else { known.join(", ") };
                return Err(format!("there is no service {service} here, only: {known}"));
            }
        }
        Ok(())
    }
}

/// A name that every shell takes for a variable.
fn check_variable(name: &Spanned<String>) -> Result<(), Wrong> {
    let text = name.get_ref();
    let good = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if good {
        return Ok(());
    }
    let rule = "a variable is made of A-Z a-z 0-9 _, and does not begin with a digit";
    Err((name.span(), format!("{text:?} is no name of a variable: {rule}")))
}

fn project<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ProjectName>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let project: ProjectName = text.parse().map_err(de::Error::custom)?;
    if project.is_anonymous() || text.contains('@') {
        let rule = format!(
            "{text:?} cannot be the name here: a name is {NAME_RULE}; portlease adds @CHECKOUT by itself"
        );
        return Err(de::Error::custom(rule));
    }
    Ok(Some(project))
}

fn prefer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Port>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a port from 1 to 65535 or a list of them")]
    enum Ports {
        One(Port),
        Many(Vec<Port>),
    }
    let ports = match Ports::deserialize(deserializer)? {
        Ports::One(port) => vec![port],
        Ports::Many(ports) => ports,
    };
    if ports.len() > MAX_PREFERRED {
        return Err(de::Error::custom(format!("prefer names more than {MAX_PREFERRED} ports")));
    }
    Ok(ports)
}

/// An error of our own, told as the parser tells its own.
fn at(text: &str, span: &Range<usize>, why: &str) -> String {
    let before = &text[..span.start];
    let number = before.matches('\n').count() + 1;
    let begin = before.rfind('\n').map_or(0, |end| end + 1);
    let line = text[begin..].lines().next().unwrap_or_default();
    let column = text[begin..span.start].chars().count() + 1;
    let width = text[span.start..span.end.min(begin + line.len()).max(span.start)].chars().count().max(1);
    let margin = " ".repeat(number.to_string().len());
    let (blanks, marks) = (" ".repeat(column - 1), "^".repeat(width));
    format!(
        "TOML parse error at line {number}, column {column}\n{margin} |\n{number} | {line}\n{margin} | {blanks}{marks}\n{why}"
    )
}

/// `: did you mean …?`, when an unknown key is nearly one that may be there.
fn suggest(message: &str) -> String {
    let quoted =
        |text: &str| -> Vec<String> { text.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let nearest = message.split_once("unknown field ").and_then(|(_, rest)| {
        let names = quoted(rest);
        let (key, known) = names.split_first()?;
        known.iter().min_by_key(|known| strsim::damerau_levenshtein(key, known)).cloned()
    });
    nearest.map(|nearest| format!(": did you mean `{nearest}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests;

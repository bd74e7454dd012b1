//! The ports of a project as variables, and in the arguments of a command:
//! what is asked of the daemon for them, and what is made of its answer. Pure;
//! how a shell writes them is for the command line to say.

mod arguments;

use std::collections::BTreeMap;

use portlease_proto::{GetRequest, Port, ServiceName};

use crate::manifest::{Manifest, Part, Template};
pub use arguments::replace;

/// What a port is called where there is one.
const PORT: &str = "PORT";

/// What is asked of each service of a project. One that names no services has
/// the service `default`.
#[must_use]
pub fn requests(manifest: &Manifest) -> BTreeMap<ServiceName, GetRequest> {
    if manifest.services.is_empty() {
        return BTreeMap::from([(ServiceName::default(), GetRequest::default())]);
    }
    let request = |service: &crate::manifest::Service| GetRequest {
        prefer: service.prefer.clone(),
        range: service.range,
        protocol: service.protocol,
        hold: service.hold,
        ..GetRequest::default()
    };
    manifest.services.iter().map(|(name, service)| (name.clone(), request(service))).collect()
}

/// Why there are no variables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VariablesError {
    /// Two things would set one variable.
    #[error("{one} and {other} would both set {variable}")]
    Twice {
        /// The variable.
        variable: String,
        /// What sets it first, such as `service web`.
        one: String,
        /// What sets it, too.
        other: String,
    },
    /// A service is named that has no port here.
    #[error("there is no service {service} here, only: {known}")]
    NoService {
        /// The service.
        service: ServiceName,
        /// Those that there are.
        known: String,
    },
    /// `{port}` and `{url}` are those of the main service, and there is none.
    #[error("{{{word}}} is that of the main service, and none of these is it: {known}")]
    NoMain {
        /// What stands in the braces.
        word: &'static str,
        /// The services that there are.
        known: String,
    },
}

impl VariablesError {
    fn no_service(service: &ServiceName, ports: &BTreeMap<ServiceName, Port>) -> Self {
        Self::NoService { service: service.clone(), known: known(ports) }
    }
}

fn known(ports: &BTreeMap<ServiceName, Port>) -> String {
    let names: Vec<&str> = ports.keys().map(ServiceName::as_str).collect();
    names.join(", ")
}

/// The service whose port is plainly `PORT`: the one that was asked for, else
/// `default`, else the only one, else `web`.
#[must_use]
pub fn main_service<'a>(
    asked: Option<&'a ServiceName>,
    ports: &'a BTreeMap<ServiceName, Port>,
) -> Option<&'a ServiceName> {
    let called = |name: &str| ports.keys().find(|service| service.as_str() == name);
    let only = || ports.keys().next().filter(|_| ports.len() == 1);
    asked.or_else(|| called(ServiceName::default().as_str())).or_else(only).or_else(|| called("web"))
}

/// The variables of a project with these ports: those of its services, sorted
/// by service, then those of `[env]`. A service without a variable of its own
/// has `PORT` if it is the [main one](main_service) and the manifest gives that
/// to no other, else `<SERVICE>_PORT`.
///
/// # Errors
/// [`VariablesError`], when two things would set one variable, or a service is
/// named that has no port.
pub fn variables(
    manifest: &Manifest,
    main: Option<&ServiceName>,
    ports: &BTreeMap<ServiceName, Port>,
) -> Result<Vec<(String, String)>, VariablesError> {
    let main = main_service(main, ports);
    if let Some(service) = main.filter(|service| !ports.contains_key(service)) {
        return Err(VariablesError::no_service(service, ports));
    }
    let chosen = |service: &ServiceName| manifest.services.get(service)?.env.clone();
    // Who wrote that PORT is another service's means it for each of them.
    let given_away = ports.keys().any(|service| chosen(service).is_some_and(|variable| variable == PORT));
    let mut set = Set::default();
    for (service, port) in ports {
        let variable = chosen(service).unwrap_or_else(|| match main {
            Some(main) if main == service && !given_away => PORT.to_owned(),
            _ => variable_of(service),
        });
        set.add(variable, port.to_string(), format!("service {service}"))?;
    }
    for (variable, template) in &manifest.env {
        set.add(variable.clone(), value(template, ports)?, format!("{variable} in [env]"))?;
    }
    Ok(set.variables)
}

/// Variables in their order, and what set each.
#[derive(Default)]
struct Set {
    variables: Vec<(String, String)>,
    by: BTreeMap<String, String>,
}

impl Set {
    fn add(&mut self, variable: String, value: String, by: String) -> Result<(), VariablesError> {
        if let Some(one) = self.by.insert(variable.clone(), by.clone()) {
            return Err(VariablesError::Twice { variable, one, other: by });
        }
        self.variables.push((variable, value));
        Ok(())
    }
}

/// The variable of a service that is not the main one: `<SERVICE>_PORT`, made
/// to fit what a variable may be called.
#[must_use]
pub fn variable_of(service: &ServiceName) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = service.as_str().chars().map(fit).collect();
    let digit = name.starts_with(|c: char| c.is_ascii_digit());
    format!("{}{name}_PORT", if digit { "_" } else { "" })
}

fn value(template: &Template, ports: &BTreeMap<ServiceName, Port>) -> Result<String, VariablesError> {
    let parts = template.parts().iter().map(|part| match part {
        Part::Text(text) => Ok(text.clone()),
        Part::Port(service) => {
            let port = ports.get(service).ok_or_else(|| VariablesError::no_service(service, ports))?;
            Ok(port.to_string())
        }
    });
    parts.collect()
}

#[cfg(test)]
mod tests;

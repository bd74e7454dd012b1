//! Candidates, made of leases and of what the directory says.

use std::collections::{BTreeMap, BTreeSet};

use clap_complete::CompletionCandidate;
use portlease_proto::{Lease, Listener, Port, escape};

/// What the working directory tells.
#[derive(Debug, Default)]
pub(super) struct Here {
    /// Its project.
    pub(super) project: Option<String>,
    /// The services in its manifest.
    pub(super) services: BTreeSet<String>,
}

/// What may stand as the only name: with `--project` one of its services, else
/// a service of this directory's manifest, or any project.
pub(super) fn names(project: Option<&str>, leases: &[Lease], here: &Here) -> Vec<CompletionCandidate> {
    if project.is_some() {
        return services(project, leases, here);
    }
    let owned = |service: &String| candidate(service, "a service of portlease.toml");
    let mut names: Vec<_> = here.services.iter().map(owned).collect();
    names.extend(
        projects(leases)
            .into_iter()
            .filter(|project| !here.services.iter().any(|service| project.get_value() == service.as_str())),
    );
    names
}

/// Every project, with its services and ports.
pub(super) fn projects(leases: &[Lease]) -> Vec<CompletionCandidate> {
    let mut projects: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for lease in leases.iter().filter(|lease| !is_anonymous(lease)) {
        let ports = projects.entry(lease.project.as_str()).or_default();
        ports.push(format!("{} {}", lease.service, lease.port));
    }
    projects.iter().map(|(project, ports)| candidate(project, &ports.join(", "))).collect()
}

/// The services of a project: leased ones, and those of the manifest if the
/// project is that of the directory.
pub(super) fn services(project: Option<&str>, leases: &[Lease], here: &Here) -> Vec<CompletionCandidate> {
    let mut services: BTreeMap<&str, String> = BTreeMap::new();
    if project == here.project.as_deref() {
        services
            .extend(here.services.iter().map(|service| (service.as_str(), "in portlease.toml".to_owned())));
    }
    let leased = leases.iter().filter(|lease| Some(lease.project.as_str()) == project);
    services.extend(leased.map(|lease| (lease.service.as_str(), about(lease))));
    services.iter().map(|(service, help)| candidate(service, help)).collect()
}

/// A project, or with a slash one of its leases.
pub(super) fn projects_or_leases(typed: &str, leases: &[Lease]) -> Vec<CompletionCandidate> {
    if !typed.contains('/') {
        return projects(leases);
    }
    let named = leases.iter().filter(|lease| !is_anonymous(lease));
    named.map(|lease| candidate(&format!("{}/{}", lease.project, lease.service), &about(lease))).collect()
}

/// Ports that somebody has or listens on, each once: the lease says more.
pub(super) fn ports(leases: &[Lease], listeners: &[Listener]) -> Vec<CompletionCandidate> {
    let mut ports: BTreeMap<Port, String> = BTreeMap::new();
    for Listener { port, holder, well_known, .. } in listeners {
        let holder = holder.as_ref().map(ToString::to_string);
        let help = holder.or_else(|| well_known.clone()).unwrap_or_default();
        // One that can be told is better than one that cannot.
        let known = ports.entry(*port).or_default();
        if known.is_empty() {
            *known = help;
        }
    }
    ports.extend(
        leases
            .iter()
            .map(|lease| (lease.port, format!("{}/{}: {}", lease.project, lease.service, lease.standing()))),
    );
    ports.iter().map(|(port, help)| candidate(&port.to_string(), help)).collect()
}

fn about(lease: &Lease) -> String {
    format!("{}: {}", lease.port, lease.standing())
}

/// Anonymous leases come and go with the tests that have them.
fn is_anonymous(lease: &Lease) -> bool {
    lease.project.as_str() == "-"
}

/// What others wrote is shown beside it, so it is escaped.
fn candidate(value: &str, help: &str) -> CompletionCandidate {
    let help = Some(escape(help)).filter(|help| !help.is_empty());
    CompletionCandidate::new(value).help(help.map(Into::into))
}

#[cfg(test)]
mod tests;

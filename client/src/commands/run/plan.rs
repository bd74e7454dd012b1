//! What is asked of the daemon for a run, and what is started with its answer.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    net::{Ipv4Addr, TcpListener},
    num::NonZeroU32,
};

use portlease::variables::{VariablesError, main_service, replace, variables};
use portlease_proto::{Paths, Port, ProjectLeases, Protocol, ServiceName};

use crate::{
    args::RunArgs,
    commands::whole::{Whole, whole},
    exit::{Exit, Failure},
    output,
    run::{Launch, own_variable},
};

/// A run before it begins.
#[derive(Debug)]
pub(super) struct Plan {
    whole: Whole,
    /// The service that was typed.
    service: Option<ServiceName>,
    listen_fd: bool,
    command: Vec<OsString>,
    /// What was typed before the command.
    begin: String,
}

/// The ports of leases.
pub(super) fn ports(leases: &ProjectLeases) -> BTreeMap<ServiceName, Port> {
    leases.leases.iter().map(|lease| (lease.service.clone(), lease.port)).collect()
}

impl Plan {
    pub(super) fn of(args: RunArgs) -> Result<Self, Failure> {
        let begin = begin(&args);
        let mut whole = whole(args.project.as_deref(), None, "run")?;
        if let Some(service) = &args.service {
            whole.request.services.entry(service.clone()).or_default();
        }
        for request in whole.request.services.values_mut() {
            request.strict = args.strict;
            if args.hold && request.protocol != Some(Protocol::Udp) {
                request.hold = Some(true);
            }
        }
        let plan =
            Self { whole, service: args.service, listen_fd: args.listen_fd, command: args.command, begin };
        // What cannot be told is known before anything is leased: a port is
        // digits, whichever it is.
        let any = |service: &ServiceName| (service.clone(), Port::constant(1));
        plan.told(&plan.whole.request.services.keys().map(any).collect())?;
        Ok(plan)
    }

    /// Leases all services.
    pub(super) async fn get(&self, paths: &Paths) -> Result<ProjectLeases, Failure> {
        let leases = self.whole.ask(paths, &self.whole.request).await?;
        leases.leases.iter().for_each(output::about_lease);
        Ok(leases)
    }

    /// Asks once more, and says who is to be on them if somebody is. What was
    /// said of them already is not said again.
    pub(super) async fn get_again(
        &self,
        paths: &Paths,
        run: Option<NonZeroU32>,
    ) -> Result<ProjectLeases, Failure> {
        let mut request = self.whole.request.clone();
        request.services.values_mut().for_each(|service| service.explain = false);
        // Who names one service says that the command is no other.
        match self.service.as_ref().and_then(|service| request.services.get_mut(service)) {
            Some(service) => service.run_pid = run,
            None => request.run_pid = run,
        }
        let leases = self.whole.ask(paths, &request).await?;
        leases.leases.iter().for_each(output::moved);
        Ok(leases)
    }

    /// The services that the command is.
    pub(super) fn is_of(&self, service: &ServiceName) -> bool {
        self.service.as_ref().is_none_or(|own| own == service)
    }

    /// Whether the command would now be given another port.
    pub(super) fn differs(
        &self,
        before: &BTreeMap<ServiceName, Port>,
        after: &BTreeMap<ServiceName, Port>,
    ) -> bool {
        before.iter().any(|(service, port)| self.is_of(service) && after.get(service) != Some(port))
    }

    /// How to type this run with another command.
    pub(super) fn retype(&self, command: &[String]) -> String {
        let words: Vec<String> = command.iter().map(|word| quoted(word)).collect();
        format!("{} -- {}", self.begin, words.join(" "))
    }

    /// The command as it was typed.
    pub(super) fn typed(&self) -> Vec<String> {
        self.command.iter().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    /// The variable that has the port of a service.
    pub(super) fn variable(&self, of: &ServiceName, leases: &ProjectLeases) -> Option<String> {
        let ports = ports(leases);
        let port = ports.get(of)?.to_string();
        let variables = self.told(&ports).ok()?.variables;
        variables.into_iter().find(|(_, value)| *value == port).map(|(name, _)| name)
    }

    /// What is started on these leases.
    pub(super) fn launch(&self, leases: &ProjectLeases) -> Result<Launch, Failure> {
        let ports = ports(leases);
        let mut launch = self.told(&ports)?;
        if self.listen_fd {
            launch.listeners.push(listen(self.main(&ports))?);
        }
        Ok(launch)
    }

    fn main<'a>(&'a self, ports: &'a BTreeMap<ServiceName, Port>) -> Option<(&'a ServiceName, &'a Port)> {
        main_service(self.service.as_ref(), ports).and_then(|main| ports.get_key_value(main))
    }

    /// The command, told of these ports.
    fn told(&self, ports: &BTreeMap<ServiceName, Port>) -> Result<Launch, Failure> {
        let asked = self.service.as_ref();
        let command = self.command.iter().map(|argument| replace(argument, asked, ports));
        let command: Vec<OsString> = command.collect::<Result<_, _>>().map_err(|error| usage(&error))?;
        let variables = variables(&self.whole.manifest, asked, ports);
        let mut variables = variables.map_err(|error| usage(&error))?;
        if let (Some((_, port)), Some(own)) = (self.main(ports), own_variable(&command))
            && !variables.iter().any(|(name, _)| name == own)
        {
            variables.push((own.to_owned(), port.to_string()));
        }
        Ok(Launch { command, variables, listeners: Vec::new() })
    }
}

/// On 127.0.0.1 alone: no other machine gets in, and one socket is what apps
/// that take one expect.
fn listen(main: Option<(&ServiceName, &Port)>) -> Result<(String, TcpListener), Failure> {
    let (service, port) = main.ok_or_else(|| {
        Failure::new(Exit::Usage, "--listen-fd needs to know the service of the command")
            .hint("portlease run SERVICE --listen-fd -- CMD…")
    })?;
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, port.get())).map_err(|error| {
        Failure::from_chain(Exit::NoPort, &error)
            .hint(format!("see what is on port {port}: portlease who {port}"))
    })?;
    Ok((service.to_string(), socket))
}

/// `portlease run` with those arguments that say what the command is.
fn begin(args: &RunArgs) -> String {
    let project = args.project.as_ref().map(|project| format!(" --project {}", quoted(project)));
    let service = args.service.as_ref().map(|service| format!(" {service}"));
    format!("portlease run{}{}", service.unwrap_or_default(), project.unwrap_or_default())
}

/// A word as it is typed into a shell.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./{}-[]".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn usage(error: &VariablesError) -> Failure {
    Failure::new(Exit::Usage, error.to_string()).hint("portlease run SERVICE -- CMD…, or see portlease.toml")
}

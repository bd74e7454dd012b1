//! What is asked of the daemon for a run, and what is started with its answer.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    net::{Ipv4Addr, TcpListener},
    num::NonZeroU32,
};

use portlease::{
    manifest::Manifest,
    variables::{VariablesError, main_service, replace, requests, variables},
};
use portlease_proto::{
    BatchRequest, GetRequest, Identified, Identify, Lease, Paths, Port, ProjectLeases, ProjectName, Protocol,
    ServiceName,
};

use crate::{
    args::RunArgs,
    commands::here::{Here, here},
    exit::{Exit, Failure},
    output,
    run::{Launch, own_variable},
    start,
};

/// A run before it begins.
#[derive(Debug)]
pub(super) struct Plan {
    project: ProjectName,
    directory: Option<(String, Identify)>,
    manifest: Manifest,
    /// The service that was typed.
    service: Option<ServiceName>,
    services: BTreeMap<ServiceName, GetRequest>,
    listen_fd: bool,
    command: Vec<OsString>,
}

/// The ports of leases.
pub(super) fn ports(leases: &ProjectLeases) -> BTreeMap<ServiceName, Port> {
    leases.leases.iter().map(|lease| (lease.service.clone(), lease.port)).collect()
}

impl Plan {
    pub(super) fn of(args: RunArgs) -> Result<Self, Failure> {
        let Here { project, directory, manifest } = here(args.project.as_deref(), "run")?;
        let mut services = requests(&manifest);
        if let Some(service) = &args.service {
            services.entry(service.clone()).or_default();
        }
        for request in services.values_mut() {
            request.strict = args.strict;
            // Whoever has a preferred port is told without being asked for.
            request.explain = !request.prefer.is_empty();
            if args.hold && request.protocol != Some(Protocol::Udp) {
                request.hold = Some(true);
            }
        }
        Ok(Self {
            project,
            directory,
            manifest,
            service: args.service,
            services,
            listen_fd: args.listen_fd,
            command: args.command,
        })
    }

    /// Leases all services, or says again who is to be on them: `run_pid`.
    pub(super) async fn get(
        &self,
        paths: &Paths,
        run_pid: Option<NonZeroU32>,
    ) -> Result<ProjectLeases, Failure> {
        let request = self.request(run_pid);
        let project = &self.project;
        let mut leases = start::ask(paths, async |client| client.get_all(project, &request).await).await?;
        if let Some(Identified { because, .. }) = &leases.identified {
            output::note(&format!("this is {} from now on: {because}", leases.project));
        }
        for lease in &mut leases.leases {
            // Whose app runs already is said once.
            if run_pid.is_none() || lease.changed.is_some() {
                self.tell(lease);
            }
        }
        Ok(leases)
    }

    fn request(&self, run_pid: Option<NonZeroU32>) -> BatchRequest {
        let (root, identify) = self.directory.clone().unzip();
        let mut request =
            BatchRequest { services: self.services.clone(), root, identify, ..BatchRequest::default() };
        // Who names one service says that the command is no other.
        match self.service.as_ref().and_then(|service| request.services.get_mut(service)) {
            Some(service) => service.run_pid = run_pid,
            None => request.run_pid = run_pid,
        }
        request
    }

    fn tell(&self, lease: &mut Lease) {
        if let Some(explanation) = lease.explain.take() {
            let prefer = self.services.get(&lease.service).map(|request| request.prefer.as_slice());
            output::unmet(prefer.unwrap_or_default(), &explanation, lease.port);
        }
        output::about_lease(lease);
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

    /// What is started on these leases.
    pub(super) fn launch(&self, leases: &ProjectLeases) -> Result<Launch, Failure> {
        let ports = ports(leases);
        let asked = self.service.as_ref();
        let command = self.command.iter().map(|argument| replace(argument, asked, &ports));
        let command: Vec<OsString> = command.collect::<Result<_, _>>().map_err(|error| usage(&error))?;
        let mut variables = variables(&self.manifest, asked, &ports).map_err(|error| usage(&error))?;
        let main = main_service(asked, &ports).and_then(|main| ports.get_key_value(main));
        if let (Some((_, port)), Some(own)) = (main, own_variable(&command))
            && !variables.iter().any(|(name, _)| name == own)
        {
            variables.push((own.to_owned(), port.to_string()));
        }
        let listeners = if self.listen_fd { vec![listen(main)?] } else { Vec::new() };
        Ok(Launch { command, variables, listeners })
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

fn usage(error: &VariablesError) -> Failure {
    Failure::new(Exit::Usage, error.to_string()).hint("portlease run SERVICE -- CMD…, or see portlease.toml")
}

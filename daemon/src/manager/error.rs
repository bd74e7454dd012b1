//! What can keep the manager from doing what it is asked. No HTTP here.

use portlease_proto::{Explanation, Holder, Lease, Port, PortRange, ProjectName, ServiceName};

use crate::{
    allocator::Exclusion,
    owners::OwnerError,
    registry::LeaseKey,
    sockets::{ClaimError, HoldError, SocketError},
    store::StoreError,
};

/// A condition that someone acts on, with what is in the way.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A socket is on the wanted port, or a stranger on the leased one.
    #[error("port {port} is taken by {holder}")]
    InUse {
        /// The port.
        port: Port,
        /// The process on it, as far as it can be seen.
        holder: Box<Holder>,
    },
    /// Nobody is on the wanted port, but closed connections still block it.
    #[error("port {port} is blocked by connections that a server without SO_REUSEADDR has closed")]
    Leftovers {
        /// The port.
        port: Port,
    },
    /// Another lease has the wanted port.
    #[error("port {port} is leased to {}/{}", lease.project, lease.service)]
    Leased {
        /// The port.
        port: Port,
        /// The lease in the way.
        lease: Box<Lease>,
    },
    /// Another daemon has the wanted port.
    #[error(
        "port {port} is leased by another portlease daemon on this machine (another user, or another PORTLEASE_HOME)"
    )]
    Claimed {
        /// The port.
        port: Port,
    },
    /// The wanted port cools.
    #[error("port {port} was released by {project} less than a minute ago")]
    Cooling {
        /// The port.
        port: Port,
        /// Who released it.
        project: ProjectName,
    },
    /// The wanted port is never given unless forced.
    #[error("port {port} is not given: {why}")]
    Excluded {
        /// The port.
        port: Port,
        /// Why.
        why: Exclusion,
    },
    /// This user may not bind the wanted port.
    #[error("port {port} may only be bound by root: it is below net.ipv4.ip_unprivileged_port_start")]
    Privileged {
        /// The port.
        port: Port,
    },
    /// Nothing is left of the pool.
    #[error("no {} free in {}", in_a_row(*count), list(ranges))]
    Exhausted {
        /// How many ports in a row were wanted.
        count: usize,
        /// Where it was looked for.
        ranges: Vec<PortRange>,
        /// What was skipped and why, when asked for.
        explain: Option<Box<Explanation>>,
    },
    /// The lease exists and contradicts the request.
    #[error("{}/{} has port {} already, and {how}", lease.project, lease.service, lease.port)]
    Differs {
        /// The lease as it is.
        lease: Box<Lease>,
        /// What the request wants otherwise.
        how: String,
    },
    /// The project has as many leases as one may have.
    #[error("project {project} has {most} leases, and more are not given")]
    TooManyLeases {
        /// The project.
        project: ProjectName,
        /// The limit.
        most: usize,
    },
    /// Anonymous leases have as much of the pool as they may.
    #[error("anonymous leases have {most} ports, and the rest of the pool is kept for projects")]
    TooManyAnonymous {
        /// The limit.
        most: usize,
    },
    /// No more files can be opened.
    #[error("the limit on open files is reached: each lease takes one")]
    TooManyFiles,
    /// No such lease.
    #[error("no lease {project}{}", service.as_ref().map(|service| format!("/{service}")).unwrap_or_default())]
    NoSuchLease {
        /// The project asked for.
        project: ProjectName,
        /// The service asked for; none for the whole project.
        service: Option<ServiceName>,
    },
    /// A name is to be given that is somebody's.
    #[error("{name} exists already")]
    Exists {
        /// The name.
        name: String,
        /// The lease that has it, or one of those of the project.
        lease: Option<Box<Lease>>,
    },
    /// A TTL was given for a lease that has none.
    #[error("{key} stays until it is released, so there is nothing to renew for a time")]
    Stays {
        /// The lease.
        key: LeaseKey,
    },
    /// Only the daemon makes leases there.
    #[error("the project - is that of anonymous leases, and they have no names to be asked for by")]
    Anonymous,
    /// A block exists in part, and what is missing does not fit to it.
    #[error("the ports of {project} cannot follow one another: {how}")]
    NotContiguous {
        /// The project.
        project: ProjectName,
        /// What is in the way.
        how: String,
        /// Why a port that it would need cannot be had.
        by: Option<Box<Error>>,
    },
    /// A block is to move while an app of its own runs on one of its ports.
    #[error("{key} runs on port {port} ({holder}), and its block moves as one")]
    Running {
        /// The lease whose app runs.
        key: LeaseKey,
        /// Its port.
        port: Port,
        /// The app.
        holder: Box<Holder>,
    },
    /// The owner is no process that can be watched.
    #[error("process {pid} cannot own a lease: {why}")]
    BadOwner {
        /// As it was given.
        pid: u32,
        /// Why not.
        why: OwnerError,
    },
    /// What `portlease run` is said to have started is no process that can be
    /// watched.
    #[error("process {pid} is not one that was started for a lease: {why}")]
    BadRun {
        /// As it was given.
        pid: u32,
        /// Why not.
        why: OwnerError,
    },
    /// A hold cannot be taken.
    #[error("port {port} cannot be held")]
    Hold {
        /// The port.
        port: Port,
        /// Why not.
        #[source]
        source: HoldError,
    },
    /// The root is not a directory.
    #[error("root {root} is no directory")]
    BadRoot {
        /// As it was given.
        root: String,
        /// Why it cannot be used.
        #[source]
        source: std::io::Error,
    },
    /// Nothing can be saved, so nothing is granted.
    #[error("the registry cannot be saved, so nothing was changed")]
    Store(#[from] StoreError),
    /// The kernel gives no answer, so nothing is granted.
    #[error("the machine's sockets cannot be read, so nobody knows what is on a port")]
    Sockets(#[source] SocketError),
    /// A claim cannot be made.
    #[error("the port cannot be claimed among the daemons of this machine")]
    Claim(#[source] ClaimError),
}

impl Error {
    /// Whether another port would do.
    pub(super) fn is_about_a_port(&self) -> bool {
        use Error::{Claimed, Cooling, Excluded, InUse, Leased, Leftovers, Privileged};
        matches!(
            self,
            InUse { .. }
                | Leftovers { .. }
                | Leased { .. }
                | Claimed { .. }
                | Cooling { .. }
                | Excluded { .. }
                | Privileged { .. }
        )
    }

    pub(super) fn no_such_lease(key: &LeaseKey) -> Self {
        Self::NoSuchLease { project: key.project.clone(), service: Some(key.service.clone()) }
    }
}

impl From<SocketError> for Error {
    fn from(error: SocketError) -> Self {
        match error {
            SocketError::TooManyFiles => Self::TooManyFiles,
            error => Self::Sockets(error),
        }
    }
}

fn in_a_row(count: usize) -> String {
    if count == 1 { "port is".to_owned() } else { format!("{count} ports in a row are") }
}

fn list(ranges: &[PortRange]) -> String {
    ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

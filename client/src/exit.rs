//! How the command ends: its exit codes, and what it says when it fails.

use std::{net::SocketAddr, process::ExitCode};

use portlease::{Error, StartError};
use portlease_proto::{ErrorCode, Problem};
use portleased::processes::{Processes, SystemProcesses};

/// The exit codes. Scripts rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Ok = 0,
    Failed = 1,
    Usage = 2,
    NoSuchLease = 3,
    NoPort = 4,
    Unreachable = 69,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command that did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// What and why, without a line of its own for the cause.
    pub(crate) message: String,
    /// The command to type next.
    pub(crate) hint: Option<String>,
    /// The API's own words, for `--json`.
    pub(crate) problem: Option<Box<Problem>>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None, problem: None }
    }

    /// With every cause of an error, once.
    pub(crate) fn from_chain(exit: Exit, error: &dyn std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        Self::new(exit, message)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(problem) => Self {
                exit: exit_of(problem.code),
                message: problem.detail.clone(),
                hint: problem.hint.clone(),
                problem: Some(problem),
            },
            Error::NotRunning { .. } => {
                Self::from_chain(Exit::Unreachable, &error).hint("start it: portlease daemon")
            }
            Error::ForeignListener { address, uid, inode } => held(address, uid, inode),
            Error::Start(StartError::Late { ref log, .. }) => {
                Self::from_chain(Exit::Unreachable, &error).hint(format!("see {}", log.display()))
            }
            // The daemon's own words say what to do.
            Error::Start(_) => Self::from_chain(Exit::Unreachable, &error),
            Error::OtherNetwork { .. } => Self::from_chain(Exit::Unreachable, &error)
                .hint("keep leases of this one apart: PORTLEASE_HOME=DIRECTORY portlease ..."),
            Error::NoHome => Self::from_chain(Exit::Failed, &error).hint("set HOME or PORTLEASE_HOME"),
            _ => Self::from_chain(Exit::Unreachable, &error).hint("see portlease status"),
        }
    }
}

/// Somebody else is where the daemon was: who, as far as it can be seen.
fn held(address: SocketAddr, uid: u32, inode: u64) -> Failure {
    let found = SystemProcesses.find(&[inode]).first().and_then(|open| SystemProcesses.describe(open.pid));
    let mut holder = found.map(|process| process.holder).unwrap_or_default();
    holder.user = Some(SystemProcesses.user_name(uid));
    let message = format!("port {} is held by {holder}: nothing was sent to {address}", address.port());
    Failure::new(Exit::Unreachable, message)
        .hint("start the daemon, which takes another port: portlease daemon")
}

#[deny(clippy::wildcard_enum_match_arm)]
fn exit_of(code: ErrorCode) -> Exit {
    match code {
        ErrorCode::NoSuchLease => Exit::NoSuchLease,
        ErrorCode::PortInUse
        | ErrorCode::PortLeased
        | ErrorCode::PortCooling
        | ErrorCode::PortExcluded
        | ErrorCode::PortPrivileged
        | ErrorCode::PoolExhausted
        | ErrorCode::LimitReached => Exit::NoPort,
        ErrorCode::InvalidName | ErrorCode::InvalidRequest => Exit::Usage,
        ErrorCode::LeaseDiffers
        | ErrorCode::WrongUser
        | ErrorCode::TokenRequired
        | ErrorCode::ForbiddenHost
        | ErrorCode::ForbiddenOrigin
        | ErrorCode::StaleRequest
        | ErrorCode::ProcessOfAnotherUser
        | ErrorCode::ProcessOfContainer
        | ErrorCode::ProcessProtected
        | ErrorCode::StoreUnavailable
        | ErrorCode::SocketTableUnavailable
        | ErrorCode::NotFound
        | ErrorCode::MethodNotAllowed
        | ErrorCode::UnsupportedMediaType
        | ErrorCode::BodyTooLarge
        | ErrorCode::RequestTimeout
        | ErrorCode::Internal
        | ErrorCode::Unknown => Exit::Failed,
    }
}

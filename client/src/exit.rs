//! How the command ends: its exit codes, and what it says when it fails.

use std::process::ExitCode;

use portlease::Error;
use portlease_proto::{ErrorCode, Problem};

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
            Error::NotOurs { .. } | Error::Connection(_) | Error::Silent { .. } | Error::Garbled(_) => {
                Self::from_chain(Exit::Unreachable, &error).hint("see portlease status")
            }
        }
    }
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

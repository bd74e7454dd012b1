//! The one place where errors of the core become answers.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use portlease_proto::{ErrorCode, Explanation, Holder, InvalidName, Lease, Problem};

use crate::{allocator::Exclusion, manager::Error, metrics, stop::StopError};

/// An answer that is not a success: problem+json.
#[derive(Debug)]
pub(super) struct ApiError(Box<Problem>);

impl ApiError {
    pub(super) fn new(status: StatusCode, code: ErrorCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem {
            kind: format!("urn:portlease:problem:{}", Self::word(code)),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            code,
            hint: None,
            holder: None,
            lease: None,
            explain: None,
        }))
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    fn holder(mut self, holder: Holder) -> Self {
        self.0.holder = Some(holder);
        self
    }

    fn explain(mut self, explain: Option<Box<Explanation>>) -> Self {
        self.0.explain = explain;
        self
    }

    fn lease(mut self, lease: Box<Lease>) -> Self {
        self.0.lease = Some(lease);
        self
    }

    /// What the answer's body says.
    pub(super) fn problem(&self) -> &Problem {
        &self.0
    }

    /// The code as it stands in JSON.
    pub(super) fn word(code: ErrorCode) -> String {
        let value = serde_json::to_value(code).unwrap_or_default();
        value.as_str().unwrap_or_default().to_owned()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        metrics::refused(&Self::word(self.0.code));
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(self.0)).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<InvalidName> for ApiError {
    fn from(error: InvalidName) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::InvalidName, error.to_string())
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        log(&error);
        let (status, code) = classify(&error);
        let problem = Self::new(status, code, error.to_string());
        let problem = match hint(&error) {
            Some(hint) => problem.hint(hint),
            None => problem,
        };
        match error {
            Error::InUse { holder, .. } => problem.holder(*holder),
            Error::Running { holder, .. } => problem.holder(*holder),
            Error::Exists { lease: Some(lease), .. } => problem.lease(lease),
            Error::Leased { lease, .. } | Error::Differs { lease, .. } => problem.lease(lease),
            Error::NotContiguous { by: Some(by), .. } => match *by {
                Error::InUse { holder, .. } => problem.holder(*holder),
                Error::Leased { lease, .. } => problem.lease(lease),
                _ => problem,
            },
            Error::Exhausted { explain, .. } => problem.explain(explain),
            _ => problem,
        }
    }
}

#[deny(clippy::wildcard_enum_match_arm)]
fn classify(error: &Error) -> (StatusCode, ErrorCode) {
    match error {
        Error::InUse { .. } | Error::Leftovers { .. } => (StatusCode::CONFLICT, ErrorCode::PortInUse),
        Error::Leased { .. } | Error::Claimed { .. } => (StatusCode::CONFLICT, ErrorCode::PortLeased),
        Error::Cooling { .. } => (StatusCode::CONFLICT, ErrorCode::PortCooling),
        Error::Excluded { .. } => (StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::PortExcluded),
        Error::Privileged { .. } => (StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::PortPrivileged),
        Error::Exhausted { .. } => (StatusCode::CONFLICT, ErrorCode::PoolExhausted),
        Error::Differs { .. } => (StatusCode::CONFLICT, ErrorCode::LeaseDiffers),
        Error::TooManyLeases { .. } | Error::TooManyAnonymous { .. } | Error::TooManyFiles => {
            (StatusCode::TOO_MANY_REQUESTS, ErrorCode::LimitReached)
        }
        Error::NotContiguous { by: Some(by), .. } => classify(by),
        Error::Stays { .. } | Error::NotContiguous { by: None, .. } => {
            (StatusCode::CONFLICT, ErrorCode::LeaseDiffers)
        }
        Error::Exists { .. } => (StatusCode::CONFLICT, ErrorCode::LeaseDiffers),
        Error::Running { .. } => (StatusCode::CONFLICT, ErrorCode::PortInUse),
        Error::Anonymous => (StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::InvalidName),
        Error::BadOwner { .. } | Error::BadRun { .. } => {
            (StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::InvalidRequest)
        }
        Error::NoSuchLease { .. } => (StatusCode::NOT_FOUND, ErrorCode::NoSuchLease),
        Error::BadRoot { .. } => (StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::InvalidRequest),
        Error::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::StoreUnavailable),
        Error::Sockets(_) | Error::Claim(_) | Error::Hold { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::SocketTableUnavailable)
        }
    }
}

impl From<StopError> for ApiError {
    fn from(error: StopError) -> Self {
        log_causes(&error);
        let (status, code) = match &error {
            StopError::Stale { .. } => (StatusCode::CONFLICT, ErrorCode::StaleRequest),
            StopError::AnotherUser { .. } => (StatusCode::FORBIDDEN, ErrorCode::ProcessOfAnotherUser),
            StopError::Container { .. } => (StatusCode::FORBIDDEN, ErrorCode::ProcessOfContainer),
            StopError::Protected { .. } => (StatusCode::FORBIDDEN, ErrorCode::ProcessProtected),
            StopError::Sockets(_) => (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::SocketTableUnavailable),
            StopError::Signal { .. } => (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal),
        };
        let problem = Self::new(status, code, error.to_string());
        match error {
            StopError::Stale { port, .. } => {
                problem.hint(format!("see who is on the port now: portlease who {port}"))
            }
            StopError::AnotherUser { pid, holder } => {
                problem.hint(format!("if you must: sudo kill {pid}")).holder(*holder)
            }
            StopError::Container { port, .. } => problem.hint(format!(
                "stop the container: docker stop $(docker ps --quiet --filter publish={port})"
            )),
            StopError::Protected { .. } | StopError::Sockets(_) | StopError::Signal { .. } => problem,
        }
    }
}

/// What a person can type next.
#[deny(clippy::wildcard_enum_match_arm)]
fn hint(error: &Error) -> Option<String> {
    match error {
        Error::InUse { port, holder } => Some(match holder.pid {
            Some(_) => format!("stop it: portlease stop {port}; or ask for another port"),
            None => format!("see what is on it: portlease who {port}; or ask for another port"),
        }),
        Error::Leftovers { .. } => Some("wait a minute: the kernel frees it by itself".to_owned()),
        Error::Leased { lease, .. } => {
            Some(format!("free it: portlease release {} {}", lease.project, lease.service))
        }
        Error::Claimed { .. } => Some("ask for another port".to_owned()),
        Error::Cooling { .. } => Some("ask again in a minute, or ask for another port".to_owned()),
        Error::Excluded { why: Exclusion::Api, .. } => Some("ask for another port".to_owned()),
        Error::Excluded { .. } => Some("ask for another port, or add --force (\"force\": true)".to_owned()),
        Error::Privileged { .. } => Some("ask for a port above 1023".to_owned()),
        Error::Exhausted { .. } => {
            Some("see what can go: portlease list; or widen the pool in config.toml".to_owned())
        }
        Error::Differs { .. } => {
            Some("to choose anew, add --reset (\"reset\": true); to keep it, ask without".to_owned())
        }
        Error::TooManyLeases { .. } => {
            Some("release some, or raise limits.leases_per_project in config.toml".to_owned())
        }
        Error::TooManyAnonymous { .. } => {
            Some("release some, or lower limits.kept_percent in config.toml".to_owned())
        }
        Error::Stays { key } => Some(format!(
            "give it a TTL by a PUT with \"reset\": true, or release it: portlease release {} {}",
            key.project, key.service
        )),
        Error::NotContiguous { .. } => {
            Some("to move all of them, add --reset (\"reset\": true to one of them)".to_owned())
        }
        Error::Exists { name, .. } => {
            Some(format!("free the name: portlease release {}", name.replace('/', " ")))
        }
        Error::Running { port, .. } => Some(format!("stop it first: portlease stop {port}")),
        Error::Anonymous => Some("POST /v1/leases makes anonymous leases".to_owned()),
        Error::BadOwner { .. } => Some("owner_pid is the id of a process that runs".to_owned()),
        Error::BadRun { .. } => Some("run_pid is the id of a process that runs".to_owned()),
        Error::TooManyFiles => Some("raise the limit before the daemon starts: ulimit -n".to_owned()),
        Error::NoSuchLease { .. } => Some("see which there are: portlease list".to_owned()),
        Error::Store(_) => Some("free some disk space; the daemon tries again by itself".to_owned()),
        Error::BadRoot { .. } | Error::Sockets(_) | Error::Claim(_) | Error::Hold { .. } => None,
    }
}

/// What the caller is not shown stands in the log, with its causes.
fn log(error: &Error) {
    if matches!(error, Error::Store(_) | Error::Sockets(_) | Error::Claim(_) | Error::Hold { .. }) {
        log_causes(error);
    }
}

fn log_causes(error: &dyn std::error::Error) {
    if error.source().is_some() {
        let mut causes = String::new();
        let mut source = error.source();
        while let Some(cause) = source {
            causes.push_str(": ");
            causes.push_str(&cause.to_string());
            source = cause.source();
        }
        tracing::error!(request_id = %super::request_id::current(), "{error}{causes}");
    }
}

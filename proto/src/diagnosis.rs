//! Why a port cannot be reached, and how the machine is: checks, and what each
//! found.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Port;

/// The answer to `GET /v1/ports/{port}/diagnosis`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Diagnosis {
    /// The port.
    pub port: Port,
    /// How the client names this machine.
    pub host: String,
    /// The checks that apply, the likeliest causes first.
    pub checks: Vec<Check>,
}

impl Diagnosis {
    /// How many checks found why the port cannot be reached.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.checks.iter().filter(|check| check.status == CheckStatus::Fail).count()
    }
}

/// The answer to `GET /v1/diagnosis`: how the daemon and the machine under it
/// are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MachineDiagnosis {
    /// All checks.
    pub checks: Vec<Check>,
}

impl MachineDiagnosis {
    /// How many checks found a fault.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.checks.iter().filter(|check| check.status == CheckStatus::Fail).count()
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Check {
    /// What was looked at, in a stable word.
    pub id: String,
    /// How it stands.
    pub status: CheckStatus,
    /// What was found.
    pub summary: String,
    /// What to do, or to type, about it.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub fix: Option<String>,
}

impl Check {
    /// All is as it should be.
    pub fn ok(id: &str, summary: impl Into<String>) -> Self {
        Self { id: id.to_owned(), status: CheckStatus::Ok, summary: summary.into(), fix: None }
    }

    /// It works, and there is something to do about it.
    pub fn warn(id: &str, summary: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { status: CheckStatus::Warn, fix: Some(fix.into()), ..Self::ok(id, summary) }
    }

    /// It does not work.
    pub fn fail(id: &str, summary: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { status: CheckStatus::Fail, fix: Some(fix.into()), ..Self::ok(id, summary) }
    }
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// As it should be.
    Ok,
    /// It works, and not for every client, or not for ever.
    Warn,
    /// This is a cause: the port cannot be reached, or something does not work.
    Fail,
    /// An outcome that this version does not know.
    #[serde(other)]
    Unknown,
}

impl fmt::Display for CheckStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Unknown => "?",
        })
    }
}

//! The settings in force, and where each of them comes from.

use serde::{Deserialize, Serialize};

/// The answer of `GET /v1/config`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Configuration {
    /// The configuration file, which need not be there.
    pub file: String,
    /// Every setting that there is.
    pub settings: Vec<Setting>,
    /// Why the file as it is now is not in force, when it was refused.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub problem: Option<String>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Setting {
    /// Its key in the file, with its table: `limits.kept_percent`.
    pub key: String,
    /// The value in force; none when it is off.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub value: Option<SettingValue>,
    /// Who says so.
    pub origin: Origin,
    /// The variable or the flag that says so.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub source: Option<String>,
    /// What it will be after a restart, when that is something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub pending: Option<SettingValue>,
}

/// A value as the file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum SettingValue {
    /// A number.
    Number(u64),
    /// A word or a range.
    Text(String),
    /// Several of them.
    List(Vec<String>),
}

/// Who decides on a setting, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Nobody.
    Default,
    /// The configuration file.
    File,
    /// A variable in the daemon's environment.
    Environment,
    /// The command line that started the daemon.
    Flag,
    /// One that this version does not know.
    #[serde(other)]
    Unknown,
}

//! Projects that are named after their directory: who else may have the name,
//! the daemon knows.

use serde::{Deserialize, Serialize};

use crate::ProjectName;

/// Where the name of a project comes from that nobody typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Identify {
    /// From the root's own name. A root that was renamed keeps its project.
    Directory,
    /// From the manifest in it. A root whose manifest says another name is
    /// another project.
    Manifest,
}

/// What a project is called after its root was looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Identified {
    /// The project that the request named.
    pub asked: ProjectName,
    /// Why the lease is of this project, in words.
    pub because: String,
}

//! `mv`: another name for a project, or for one of its leases.

use serde::{Deserialize, Serialize};

use crate::{ProjectName, ServiceName};

/// A new name for a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MvProjectRequest {
    /// The new name, which no lease has.
    pub project: ProjectName,
}

/// A new name for a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MvLeaseRequest {
    /// The project that it is to belong to.
    pub project: ProjectName,
    /// The service that it is to be there.
    pub service: ServiceName,
}

//! `gc`: reclaiming leases whose root is gone.

use serde::{Deserialize, Serialize};

use crate::Lease;

/// What is asked of `gc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GcRequest {
    /// Only tell what would be reclaimed.
    #[serde(default, skip_serializing_if = "crate::get::is_false")]
    #[cfg_attr(feature = "openapi", schema(default = false))]
    pub dry_run: bool,
}

/// The leases whose root is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GcReport {
    /// Whether nothing was reclaimed because that was not asked for.
    pub dry_run: bool,
    /// Those that were reclaimed, or would have been, as they were.
    pub leases: Vec<Lease>,
    /// Those that stay for now: a root may come back.
    pub waiting: Vec<Waiting>,
}

/// A lease whose root is gone, and not for long enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Waiting {
    /// The lease.
    pub lease: Lease,
    /// For how many seconds more it is kept, as long as the machine runs.
    pub left_s: u64,
}

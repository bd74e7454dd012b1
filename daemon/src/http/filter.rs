//! The query of `GET /v1/leases`. A filter that is not understood is refused:
//! ignored, it would answer with leases that were not asked for.

use std::num::NonZeroUsize;

use axum::{
    extract::Query,
    http::{StatusCode, Uri},
};
use portlease_proto::{ErrorCode, Lease, LeaseState, ProjectName, ServiceName};
use serde::Deserialize;

use super::error::ApiError;

/// Which leases are asked for; all when it is empty.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Filter {
    /// Those of one project.
    #[param(example = "myapp")]
    pub(super) project: Option<ProjectName>,
    /// Those in one state.
    #[param(example = "bound")]
    state: Option<LeaseState>,
    /// Anonymous leases alone, or all but them.
    #[param(example = false)]
    anonymous: Option<bool>,
    /// At most so many.
    #[param(value_type = Option<usize>, minimum = 1, example = 100)]
    limit: Option<NonZeroUsize>,
    /// Those behind `PROJECT/SERVICE` in the order of the list, whether or not
    /// that lease is still there.
    #[param(example = "myapp/web")]
    after: Option<String>,
}

impl Filter {
    /// Reads the query of a request.
    pub(super) fn read(uri: &Uri) -> Result<Self, ApiError> {
        let Query(filter) =
            Query::<Self>::try_from_uri(uri).map_err(|rejection| refused(&rejection.body_text()))?;
        if filter.state == Some(LeaseState::Unknown) {
            return Err(refused("state is reserved, bound, taken or stale"));
        }
        filter.behind()?;
        Ok(filter)
    }

    /// What is left of a sorted list.
    pub(super) fn apply(&self, leases: Vec<Lease>) -> Result<Vec<Lease>, ApiError> {
        let behind = self.behind()?;
        let asked = |lease: &Lease| {
            let passed = behind
                .as_ref()
                .is_none_or(|(project, service)| (&lease.project, &lease.service) > (project, service));
            let anonymous = self.anonymous.is_none_or(|anonymous| lease.project.is_anonymous() == anonymous);
            passed && anonymous && self.state.is_none_or(|state| lease.state == state)
        };
        let most = self.limit.map_or(usize::MAX, NonZeroUsize::get);
        Ok(leases.into_iter().filter(asked).take(most).collect())
    }

    fn behind(&self) -> Result<Option<(ProjectName, ServiceName)>, ApiError> {
        let Some(after) = &self.after else { return Ok(None) };
        let (project, service) =
            after.split_once('/').ok_or_else(|| refused("after is PROJECT/SERVICE, the last lease seen"))?;
        Ok(Some((project.parse()?, service.parse()?)))
    }
}

fn refused(why: &str) -> ApiError {
    let detail = format!("the query is not understood: {}", portlease_proto::escape(why));
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::InvalidRequest, detail)
}

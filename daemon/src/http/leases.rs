//! `/v1/leases`: decode, ask the manager, encode.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{StatusCode, Uri},
};
use portlease_proto::{ErrorCode, GetRequest, Lease, Leases, ProjectName, ServiceName};

use super::{App, body, error::ApiError, filter::Filter, path::Path};
use crate::{
    manager::{Error, Granted, Manager},
    registry::LeaseKey,
};

/// `PUT /v1/leases/{project}/{service}`
pub(super) async fn get(
    State(app): State<App>,
    Path((project, service)): Path<(String, String)>,
    body: Body,
) -> Result<(StatusCode, Json<Lease>), ApiError> {
    let key = key(&project, &service)?;
    let request: GetRequest = body::json(body).await?;
    request.check().map_err(|detail| {
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::InvalidRequest, detail)
    })?;
    let Granted { lease, created } = match app.manager.try_get(&key, &request)? {
        Some(granted) => granted,
        None => blocking(app.manager, move |manager| manager.get(&key, &request)).await?,
    };
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(lease)))
}

/// `GET /v1/leases/{project}/{service}`
pub(super) async fn show(
    State(app): State<App>,
    Path((project, service)): Path<(String, String)>,
) -> Result<Json<Lease>, ApiError> {
    let key = key(&project, &service)?;
    let lease = match app.manager.try_show(&key)? {
        Some(lease) => lease,
        None => blocking(app.manager, move |manager| manager.show(&key)).await?,
    };
    Ok(Json(lease))
}

/// `GET /v1/leases`
pub(super) async fn list(State(app): State<App>, uri: Uri) -> Result<Json<Leases>, ApiError> {
    let filter = Filter::read(&uri)?;
    let project = filter.project.clone();
    let leases = blocking(app.manager, move |manager| manager.list(project.as_ref())).await?;
    Ok(Json(Leases { leases: filter.apply(leases)? }))
}

/// `GET /v1/leases/{project}`
pub(super) async fn list_project(
    State(app): State<App>,
    Path(project): Path<String>,
) -> Result<Json<Leases>, ApiError> {
    let project: ProjectName = project.parse()?;
    let leases = blocking(app.manager, move |manager| {
        let leases = manager.list(Some(&project))?;
        if leases.is_empty() {
            return Err(Error::NoSuchLease { project, service: None });
        }
        Ok(leases)
    })
    .await?;
    Ok(Json(Leases { leases }))
}

/// `DELETE /v1/leases/{project}/{service}`
pub(super) async fn release(
    State(app): State<App>,
    Path((project, service)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let key = key(&project, &service)?;
    app.manager.release(&key.project, Some(&key.service))?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/leases/{project}`
pub(super) async fn release_project(
    State(app): State<App>,
    Path(project): Path<String>,
) -> Result<StatusCode, ApiError> {
    app.manager.release(&project.parse()?, None)?;
    Ok(StatusCode::NO_CONTENT)
}

fn key(project: &str, service: &str) -> Result<LeaseKey, ApiError> {
    Ok(LeaseKey { project: project.parse::<ProjectName>()?, service: service.parse::<ServiceName>()? })
}

/// Runs what may walk tables and processes on a thread that may block.
async fn blocking<T: Send + 'static>(
    manager: Arc<Manager>,
    work: impl FnOnce(&Manager) -> Result<T, Error> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::task::spawn_blocking(move || work(&manager)).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::Internal,
            "the daemon made a mistake; its log says more",
        )),
    }
}

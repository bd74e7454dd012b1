//! `/v1/leases`: decode, ask the manager, encode.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{StatusCode, Uri},
};
use portlease_proto::{
    AnonymousRequest, BatchRequest, ErrorCode, GetRequest, Lease, Leases, ProjectLeases, ProjectName,
    RenewRequest, ServiceName,
};

use super::{App, body, error::ApiError, filter::Filter, path::Path};
use crate::{
    manager::{Error, Granted, Manager},
    registry::LeaseKey,
};

/// How many leases are placed without leaving the thread that serves everybody:
/// each takes some tens of microseconds.
const FEW: usize = 16;

/// `PUT /v1/leases/{project}/{service}`
pub(super) async fn get(
    State(app): State<App>,
    Path((project, service)): Path<(String, String)>,
    body: Body,
) -> Result<(StatusCode, Json<Lease>), ApiError> {
    let key = key(&project, &service)?;
    let request: GetRequest = body::json(body).await?;
    request.check().map_err(contradicts_itself)?;
    let metrics = app.metrics;
    let granted = match app.manager.try_get(&key, &request)? {
        Some(granted) => granted,
        None => blocking(app.manager, move |manager| manager.get(&key, &request)).await?,
    };
    metrics.granted(std::slice::from_ref(&granted));
    let Granted { lease, created } = granted;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(lease)))
}

/// `PUT /v1/projects/{project}`
pub(super) async fn get_all(
    State(app): State<App>,
    Path(project): Path<String>,
    body: Body,
) -> Result<(StatusCode, Json<ProjectLeases>), ApiError> {
    let project: ProjectName = project.parse()?;
    let request: BatchRequest = body::json(body).await?;
    request.check().map_err(contradicts_itself)?;
    let granted = {
        let (project, few) = (project.clone(), request.services.len() <= FEW);
        let at_once = if few { app.manager.try_get_all(&project, &request)? } else { None };
        match at_once {
            Some(granted) => granted,
            None => blocking(app.manager, move |manager| manager.get_all(&project, &request)).await?,
        }
    };
    app.metrics.granted(&granted);
    let created = granted.iter().any(|granted| granted.created);
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let leases = granted.into_iter().map(|granted| granted.lease).collect();
    Ok((status, Json(ProjectLeases { project, leases })))
}

/// `POST /v1/leases`
pub(super) async fn get_anonymous(
    State(app): State<App>,
    body: Body,
) -> Result<(StatusCode, Json<Leases>), ApiError> {
    let request: AnonymousRequest = body::json(body).await?;
    request.check().map_err(contradicts_itself)?;
    let at_once = if request.count() <= FEW { app.manager.try_get_anonymous(&request)? } else { None };
    let granted = match at_once {
        Some(granted) => granted,
        None => blocking(app.manager, move |manager| manager.get_anonymous(&request)).await?,
    };
    app.metrics.granted(&granted);
    let leases = granted.into_iter().map(|granted| granted.lease).collect();
    Ok((StatusCode::CREATED, Json(Leases { leases })))
}

/// `POST /v1/leases/{project}/{service}/renew`
pub(super) async fn renew(
    State(app): State<App>,
    Path((project, service)): Path<(String, String)>,
    body: Body,
) -> Result<Json<Lease>, ApiError> {
    let key = key(&project, &service)?;
    let request: RenewRequest = body::json(body).await?;
    let lease = match app.manager.try_renew(&key, &request)? {
        Some(lease) => lease,
        None => blocking(app.manager, move |manager| manager.renew(&key, &request)).await?,
    };
    Ok(Json(lease))
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

fn contradicts_itself(detail: String) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::InvalidRequest, detail)
}

fn key(project: &str, service: &str) -> Result<LeaseKey, ApiError> {
    Ok(LeaseKey { project: project.parse::<ProjectName>()?, service: service.parse::<ServiceName>()? })
}

/// Runs what may walk tables and processes on a thread that may block.
pub(super) async fn blocking<T: Send + 'static>(
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

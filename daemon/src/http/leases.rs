//! `/v1/leases`: decode, ask the manager, encode.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{StatusCode, Uri},
};
use portlease_proto::{ErrorCode, GetRequest, Lease, Leases, ProjectName, RenewRequest, ServiceName};

use super::{
    App, body,
    error::ApiError,
    filter::Filter,
    openapi::{example, problems::refusals},
    path::Path,
};
use crate::{
    manager::{Error, Granted, Manager},
    registry::LeaseKey,
};

refusals!(GetRefusals:
    408 RequestTimeout, 409 PortInUse, 409 PortLeased, 409 PortCooling, 409 PoolExhausted, 409 LeaseDiffers,
    413 BodyTooLarge, 415 UnsupportedMediaType, 422 InvalidName, 422 InvalidRequest, 422 PortExcluded,
    422 PortPrivileged, 429 LimitReached, 500 Internal, 503 StoreUnavailable, 503 SocketTableUnavailable,
);
refusals!(ShowRefusals:
    404 NoSuchLease, 422 InvalidName, 429 LimitReached, 500 Internal, 503 SocketTableUnavailable,
);
refusals!(ListRefusals:
    422 InvalidName, 422 InvalidRequest, 429 LimitReached, 500 Internal, 503 SocketTableUnavailable,
);
refusals!(ReleaseRefusals: 404 NoSuchLease, 422 InvalidName, 503 StoreUnavailable);

/// Get a port: the lease that is there, or a new one.
///
/// The same request again gets the same lease. A port that a stranger has taken meanwhile is changed for another one,
/// and `changed` says so, unless `strict` or an exact `port` forbids it. A request that contradicts the lease is refused
/// unless `reset` is set. With `identify` the lease is that of the project that the `root` belongs to, which may have
/// another name than the one in the path: the answer says.
#[utoipa::path(
    put, path = "/v1/leases/{project}/{service}", tag = "leases",
    params(
        ("project" = ProjectName, Path, description = "Whose lease."),
        ("service" = ServiceName, Path, description = "Which of its services."),
    ),
    request_body(
        content = GetRequest, content_type = "application/json",
        description = "What is asked of the lease. `{}`, or no body at all, asks for any port of the pool.",
        examples(
            ("any port" = (value = json!(example("get_request_empty")))),
            ("one of these if possible" = (value = json!(example("get_request_prefer")))),
            ("exactly this one" = (value = json!(example("get_request_port")))),
            ("another one, from a range" = (value = json!(example("get_request_range")))),
            ("for a directory" = (value = json!(example("get_request_identify")))),
        ),
    ),
    responses(
        (status = 201, description = "A new lease.", body = Lease, examples(
            ("new" = (value = json!(example("lease_reserved")))),
            ("explained" = (value = json!(example("lease_explained")))),
            ("for a second directory of a name" = (value = json!(example("lease_identified")))),
        )),
        (status = 200, description = "The lease that was there, moved if it had to be.", body = Lease, examples(
            ("already running" = (value = json!(example("lease_bound")))),
            ("moved" = (value = json!(example("lease_moved")))),
        )),
        GetRefusals
    )
)]
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

refusals!(RenewRefusals:
    404 NoSuchLease, 408 RequestTimeout, 409 LeaseDiffers, 413 BodyTooLarge, 415 UnsupportedMediaType,
    422 InvalidName, 422 InvalidRequest, 429 LimitReached, 500 Internal, 503 StoreUnavailable,
    503 SocketTableUnavailable,
);

/// Renew a lease that has a TTL, so that it lives on.
#[utoipa::path(
    post, path = "/v1/leases/{project}/{service}/renew", tag = "leases",
    params(
        ("project" = ProjectName, Path, description = "Whose lease."),
        ("service" = ServiceName, Path, description = "Which of its services."),
    ),
    request_body(
        content = RenewRequest, content_type = "application/json",
        description = "`{}`, or no body at all, renews it for as long as before.",
        examples(
            ("as before" = (value = json!(example("renew_request_empty")))),
            ("another time" = (value = json!(example("renew_request")))),
        ),
    ),
    responses(
        (status = 200, description = "The lease with its new end.", body = Lease, examples(
            ("renewed" = (value = json!(example("lease_bound"))))
        )),
        RenewRefusals
    )
)]
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

/// Show a lease, and what is on its port.
#[utoipa::path(
    get, path = "/v1/leases/{project}/{service}", tag = "leases",
    params(
        ("project" = ProjectName, Path, description = "Whose lease."),
        ("service" = ServiceName, Path, description = "Which of its services."),
    ),
    responses(
        (status = 200, description = "The lease.", body = Lease, examples(
            ("nobody on it" = (value = json!(example("lease_reserved")))),
            ("a stranger on it" = (value = json!(example("lease_taken")))),
        )),
        ShowRefusals
    )
)]
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

/// List all leases, or those that a filter leaves.
#[utoipa::path(
    get, path = "/v1/leases", tag = "leases",
    params(Filter),
    responses(
        (status = 200, description = "Leases in the order of their names.", body = Leases, examples(
            ("two" = (value = json!(example("leases"))))
        )),
        ListRefusals
    )
)]
pub(super) async fn list(State(app): State<App>, uri: Uri) -> Result<Json<Leases>, ApiError> {
    let filter = Filter::read(&uri)?;
    let project = filter.project.clone();
    let leases = blocking(app.manager, move |manager| manager.list(project.as_ref())).await?;
    Ok(Json(Leases { leases: filter.apply(leases)? }))
}

/// List the leases of a project.
#[utoipa::path(
    get, path = "/v1/leases/{project}", tag = "leases",
    params(("project" = ProjectName, Path, description = "Whose leases.")),
    responses(
        (status = 200, description = "Its leases in the order of their names; at least one.", body = Leases, examples(
            ("two" = (value = json!(example("leases"))))
        )),
        ShowRefusals
    )
)]
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

/// Release a lease.
///
/// What runs on the port goes on running. For a minute the port is not given to another project.
#[utoipa::path(
    delete, path = "/v1/leases/{project}/{service}", tag = "leases",
    params(
        ("project" = ProjectName, Path, description = "Whose lease."),
        ("service" = ServiceName, Path, description = "Which of its services."),
    ),
    responses((status = 204, description = "It is released."), ReleaseRefusals)
)]
pub(super) async fn release(
    State(app): State<App>,
    Path((project, service)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let key = key(&project, &service)?;
    app.manager.release(&key.project, Some(&key.service))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Release all leases of a project.
#[utoipa::path(
    delete, path = "/v1/leases/{project}", tag = "leases",
    params(("project" = ProjectName, Path, description = "Whose leases.")),
    responses((status = 204, description = "They are released, all of them."), ReleaseRefusals)
)]
pub(super) async fn release_project(
    State(app): State<App>,
    Path(project): Path<String>,
) -> Result<StatusCode, ApiError> {
    app.manager.release(&project.parse()?, None)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn contradicts_itself(detail: String) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::InvalidRequest, detail)
}

pub(super) fn key(project: &str, service: &str) -> Result<LeaseKey, ApiError> {
    Ok(LeaseKey { project: project.parse::<ProjectName>()?, service: service.parse::<ServiceName>()? })
}

/// Runs what may walk tables and processes on a thread that may block.
pub(super) async fn blocking<T: Send + 'static>(
    manager: Arc<Manager>,
    work: impl FnOnce(&Manager) -> Result<T, Error> + Send + 'static,
) -> Result<T, ApiError> {
    on_blocking_thread(move || work(&manager)).await
}

/// Runs what may block on a thread that may.
pub(super) async fn on_blocking_thread<T: Send + 'static, E: Into<ApiError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(E::into),
        Err(_) => Err(ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::Internal,
            "the daemon made a mistake; its log says more",
        )),
    }
}

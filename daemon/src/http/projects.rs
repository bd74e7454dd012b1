//! Other names for leases, and leases to a file and back.

use axum::{Json, body::Body, extract::State};
use portlease_proto::{
    Export, ImportReport, Lease, Leases, MvLeaseRequest, MvProjectRequest, ProjectName, ServiceName,
};

use super::{
    App, body,
    error::ApiError,
    leases::{blocking, contradicts_itself, key},
    openapi::{example, problems::refusals},
    path::Path,
};
use crate::registry::LeaseKey;

/// The largest file that is imported, in bytes: some ten thousand leases.
const LARGEST: usize = 4 * 1024 * 1024;

refusals!(MvRefusals:
    404 NoSuchLease, 408 RequestTimeout, 409 LeaseDiffers, 413 BodyTooLarge, 415 UnsupportedMediaType,
    422 InvalidName, 422 InvalidRequest, 429 LimitReached, 500 Internal, 503 StoreUnavailable,
    503 SocketTableUnavailable,
);
refusals!(ExportRefusals:);
refusals!(ImportRefusals:
    408 RequestTimeout, 409 PoolExhausted, 413 BodyTooLarge, 415 UnsupportedMediaType, 422 InvalidRequest,
    429 LimitReached, 500 Internal, 503 StoreUnavailable, 503 SocketTableUnavailable,
);

/// Call a project otherwise.
///
/// Its leases keep their ports, ids, holds and owners, and what runs there goes on. Its directory goes with it: whoever
/// asks with `identify` finds the leases under the new name, unless a manifest says another one.
#[utoipa::path(
    post, path = "/v1/projects/{project}/mv", tag = "leases",
    params(("project" = ProjectName, Path, description = "Its name until now.")),
    request_body(
        content = MvProjectRequest, content_type = "application/json", description = "Its name from now on.",
        examples(("another name" = (value = json!(example("mv_project_request"))))),
    ),
    responses(
        (status = 200, description = "Its leases under the new name.", body = Leases, examples(
            ("two" = (value = json!(example("leases"))))
        )),
        MvRefusals
    )
)]
pub(super) async fn mv_project(
    State(app): State<App>,
    Path(project): Path<String>,
    body: Body,
) -> Result<Json<Leases>, ApiError> {
    let from: ProjectName = project.parse()?;
    let MvProjectRequest { project: to } = body::json(body).await?;
    let leases = blocking(app.manager, move |manager| {
        manager.mv_project(&from, &to)?;
        manager.list(Some(&to))
    });
    Ok(Json(Leases { leases: leases.await? }))
}

/// Call a lease otherwise, within its project or in another one.
#[utoipa::path(
    post, path = "/v1/leases/{project}/{service}/mv", tag = "leases",
    params(
        ("project" = ProjectName, Path, description = "Whose lease it is until now."),
        ("service" = ServiceName, Path, description = "Which of its services."),
    ),
    request_body(
        content = MvLeaseRequest, content_type = "application/json", description = "Its name from now on.",
        examples(("another name" = (value = json!(example("mv_lease_request"))))),
    ),
    responses(
        (status = 200, description = "The lease under the new name.", body = Lease, examples(
            ("already running" = (value = json!(example("lease_bound"))))
        )),
        MvRefusals
    )
)]
pub(super) async fn mv(
    State(app): State<App>,
    Path((project, service)): Path<(String, String)>,
    body: Body,
) -> Result<Json<Lease>, ApiError> {
    let from = key(&project, &service)?;
    let MvLeaseRequest { project, service } = body::json(body).await?;
    let to = LeaseKey { project, service };
    let lease = blocking(app.manager, move |manager| {
        manager.mv(&from, &to)?;
        manager.show(&to)
    });
    Ok(Json(lease.await?))
}

/// Export the leases, to be imported elsewhere.
///
/// Without those that end with a process, and without the anonymous ones.
#[utoipa::path(
    get, path = "/v1/export", tag = "leases",
    responses(
        (status = 200, description = "The leases, by project and service.", body = Export, examples(
            ("two" = (value = json!(example("export"))))
        )),
        ExportRefusals
    )
)]
pub(super) async fn export(State(app): State<App>) -> Json<Export> {
    Json(app.manager.export())
}

/// Import leases that were exported: all of them, or none.
///
/// A lease that is there stays as it is, whatever the file says. No port is taken from a lease, nor from a stranger who
/// is on it: the imported lease has another one then, and the answer says why.
#[utoipa::path(
    post, path = "/v1/import", tag = "leases",
    request_body(
        content = Export, content_type = "application/json", description = "What `GET /v1/export` answered, at most 4 MiB.",
        examples(("two" = (value = json!(example("export"))))),
    ),
    responses(
        (status = 200, description = "What became of each.", body = ImportReport, examples(
            ("one on another port" = (value = json!(example("import_report"))))
        )),
        ImportRefusals
    )
)]
pub(super) async fn import(State(app): State<App>, body: Body) -> Result<Json<ImportReport>, ApiError> {
    let export: Export = body::json_of(body, LARGEST).await?;
    export.check().map_err(contradicts_itself)?;
    let leases = blocking(app.manager, move |manager| manager.import(&export)).await?;
    Ok(Json(ImportReport { leases }))
}

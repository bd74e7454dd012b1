//! Several leases by one request: those of a project, and anonymous ones.

use axum::{Json, body::Body, extract::State, http::StatusCode};
use portlease_proto::{AnonymousRequest, BatchRequest, Lease, Leases, ProjectLeases, ProjectName};

use super::{
    App, body,
    error::ApiError,
    leases::{GetRefusals, blocking, contradicts_itself},
    openapi::{example, problems::refusals},
    path::Path,
};
use crate::manager::Granted;

/// How many leases are placed without leaving the thread that serves everybody:
/// each takes some tens of microseconds.
const FEW: usize = 16;

refusals!(GetAnonymousRefusals:
    408 RequestTimeout, 409 PoolExhausted, 413 BodyTooLarge, 415 UnsupportedMediaType, 422 InvalidRequest,
    429 LimitReached, 500 Internal, 503 StoreUnavailable, 503 SocketTableUnavailable,
);

/// Get ports for several services of a project: all of them, or none.
///
/// Each service is asked for as by itself; where one cannot be had, nothing is changed for any.
#[utoipa::path(
    put, path = "/v1/projects/{project}", tag = "leases",
    params(("project" = ProjectName, Path, description = "Whose leases.")),
    request_body(
        content = BatchRequest, content_type = "application/json", description = "What is asked of each service.",
        examples(
            ("two in a row" = (value = json!(example("batch_request")))),
            ("of a directory" = (value = json!(example("batch_request_identify")))),
        ),
    ),
    responses(
        (status = 201, description = "The leases, at least one of them new.", body = ProjectLeases, examples(
            ("two" = (value = json!(example("project_leases")))),
            ("of a second directory of a name" = (value = json!(example("project_leases_identified")))),
        )),
        (status = 200, description = "The leases, all of which were there.", body = ProjectLeases, examples(
            ("two" = (value = json!(example("project_leases"))))
        )),
        GetRefusals
    )
)]
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
    Ok((status, Json(of_project(project, granted))))
}

/// The leases of one answer, which all say the same about their project.
fn of_project(asked: ProjectName, granted: Vec<Granted>) -> ProjectLeases {
    let mut leases: Vec<Lease> = granted.into_iter().map(|granted| granted.lease).collect();
    let project = leases.first().map_or(asked, |lease| lease.project.clone());
    let identified = leases.iter_mut().map(|lease| lease.identified.take()).fold(None, Option::or);
    ProjectLeases { project, leases, identified }
}

/// Get ports under no name, for tests.
///
/// They live under the project `-`, each with its id as its service, and end by themselves: one of `ttl_s` and
/// `owner_pid` is needed.
#[utoipa::path(
    post, path = "/v1/leases", tag = "leases",
    request_body(
        content = AnonymousRequest, content_type = "application/json", description = "How many, and until when.",
        examples(("four in a row" = (value = json!(example("anonymous_request"))))),
    ),
    responses(
        (status = 201, description = "New leases, as many as were asked for.", body = Leases, examples(
            ("two" = (value = json!(example("leases"))))
        )),
        GetAnonymousRefusals
    )
)]
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

//! `/v1/gc`

use axum::{Json, body::Body, extract::State};
use portlease_proto::{GcReport, GcRequest};

use super::{
    App, body,
    error::ApiError,
    leases::blocking,
    openapi::{example, problems::refusals},
};

refusals!(GcRefusals:
    408 RequestTimeout, 413 BodyTooLarge, 415 UnsupportedMediaType, 422 InvalidRequest, 429 LimitReached,
    500 Internal, 503 StoreUnavailable, 503 SocketTableUnavailable,
);

/// Reclaim leases whose root is gone for more than seven days.
///
/// The days are counted while the machine runs, by a clock that nobody sets. A lease whose own app runs is kept.
#[utoipa::path(
    post, path = "/v1/gc", tag = "leases",
    request_body(
        content = GcRequest, content_type = "application/json",
        description = "`{}`, or no body at all, reclaims them.",
        examples(("only tell" = (value = json!(example("gc_request"))))),
    ),
    responses(
        (status = 200, description = "What was reclaimed, and what is kept for now.", body = GcReport, examples(
            ("told" = (value = json!(example("gc_report"))))
        )),
        GcRefusals
    )
)]
pub(super) async fn gc(State(app): State<App>, body: Body) -> Result<Json<GcReport>, ApiError> {
    let request: GcRequest = body::json(body).await?;
    Ok(Json(blocking(app.manager, move |manager| manager.gc(request)).await?))
}

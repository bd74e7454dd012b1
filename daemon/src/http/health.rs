//! `/v1/health` and `/v1/ready`: the daemon about itself.

use axum::{Json, extract::State};
use portlease_proto::{Health, Ready};

use super::{
    App,
    error::ApiError,
    leases::blocking,
    openapi::{example, problems::refusals},
};

refusals!(HealthRefusals:);
refusals!(ReadyRefusals: 500 Internal, 503 StoreUnavailable, 503 SocketTableUnavailable);

/// Say how the daemon is: it answers, so it is alive.
#[utoipa::path(
    get, path = "/v1/health", tag = "daemon",
    responses(
        (status = 200, description = "It answers.", body = Health, examples(
            ("at its port" = (value = json!(example("health"))))
        )),
        HealthRefusals
    )
)]
pub(super) async fn health(State(app): State<App>) -> Json<Health> {
    Json(app.status.health(app.manager.len()))
}

/// Say whether a lease could be granted at this moment.
///
/// The kernel is asked one question and the store whether it would save. Nothing is granted, bound or left behind.
#[utoipa::path(
    get, path = "/v1/ready", tag = "daemon",
    responses(
        (status = 200, description = "It could.", body = Ready, examples(
            ("ready" = (value = json!(example("ready"))))
        )),
        ReadyRefusals
    )
)]
pub(super) async fn ready(State(app): State<App>) -> Result<Json<Ready>, ApiError> {
    blocking(app.manager, |manager| manager.ready()).await?;
    Ok(Json(Ready { status: "ready".to_owned() }))
}

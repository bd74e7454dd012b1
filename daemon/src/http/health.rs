//! `/v1/health` and `/v1/ready`: the daemon about itself.

use axum::{Json, extract::State};
use portlease_proto::{Health, Ready};

use super::{App, error::ApiError, leases::blocking};

/// `GET /v1/health`
pub(super) async fn health(State(app): State<App>) -> Json<Health> {
    Json(app.status.health(app.manager.len()))
}

/// `GET /v1/ready`
pub(super) async fn ready(State(app): State<App>) -> Result<Json<Ready>, ApiError> {
    blocking(app.manager, |manager| manager.ready()).await?;
    Ok(Json(Ready { status: "ready".to_owned() }))
}

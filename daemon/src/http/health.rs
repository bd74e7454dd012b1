//! `/v1/health`: the daemon about itself.

use axum::{Json, extract::State};
use portlease_proto::Health;

use super::App;

/// `GET /v1/health`
pub(super) async fn health(State(app): State<App>) -> Json<Health> {
    Json(app.status.health(app.manager.len()))
}

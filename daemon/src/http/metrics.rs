//! `/metrics`: what Prometheus reads.

use std::sync::Arc;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use super::{App, openapi::problems::refusals};
use crate::metrics::{FORMAT, States};

refusals!(Refusals:);

/// Tell Prometheus what is counted and measured.
///
/// Leases by state, grants, refusals by code, how long the kernel and the store take. Reads the socket table.
#[utoipa::path(
    get, path = "/metrics", tag = "daemon",
    responses(
        (status = 200, description = "The text format of Prometheus, 0.0.4.", content_type = "text/plain", body = String,
         example = "# HELP portlease_grants_total Ports granted: new leases, and leases that moved to another port.\n# TYPE portlease_grants_total counter\nportlease_grants_total 3\n"),
        Refusals
    )
)]
pub(super) async fn metrics(State(app): State<App>) -> Response {
    let (manager, metrics) = (app.manager, app.metrics);
    let listing = tokio::task::spawn_blocking({
        let manager = Arc::clone(&manager);
        move || manager.list(None)
    });
    let states = match listing.await {
        Ok(Ok(leases)) => States::of(&leases),
        // A sick kernel is no reason to be silent: that is when this is read.
        Ok(Err(_)) | Err(_) => States::unknown(manager.len()),
    };
    ([(header::CONTENT_TYPE, FORMAT)], metrics.text(&states)).into_response()
}

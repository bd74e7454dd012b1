//! `/metrics`: what Prometheus reads.

use std::sync::Arc;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use super::App;
use crate::metrics::{FORMAT, States};

/// `GET /metrics`
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

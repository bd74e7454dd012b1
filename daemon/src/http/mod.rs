//! The HTTP edge: a door, thin handlers, and one conversion from the core's
//! errors to status and code. Nothing here decides which port is given.

mod body;
mod door;
mod error;
mod events;
mod filter;
mod guard;
mod health;
mod leases;
mod metrics;
mod path;
mod serve;

use std::sync::Arc;

use axum::{
    Extension, Router,
    http::{Method, StatusCode, Uri},
    routing::{get, post, put},
};
use portlease_proto::ErrorCode;
use tokio::sync::watch;

pub use door::TcpDoor;
pub use serve::Server;

use self::{error::ApiError, events::Stopping};
use crate::{
    manager::{Edges, Manager},
    metrics::Metrics,
    status::Status,
};

/// What every handler can reach.
#[derive(Clone)]
pub struct App {
    /// The leases.
    pub manager: Arc<Manager>,
    /// What the daemon says of itself.
    pub status: Arc<Status>,
    /// Who is at the other end of a TCP connection.
    pub edges: Edges,
    /// What is counted and measured.
    pub metrics: Arc<Metrics>,
}

/// The resources of the API.
fn router(app: App, stopping: watch::Receiver<bool>) -> Router {
    Router::new()
        .route("/v1/health", get(health::health))
        .route("/v1/ready", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .route("/v1/leases", get(leases::list).post(leases::get_anonymous))
        .route("/v1/leases/{project}", get(leases::list_project).delete(leases::release_project))
        .route("/v1/leases/{project}/{service}", put(leases::get).get(leases::show).delete(leases::release))
        .route("/v1/leases/{project}/{service}/renew", post(leases::renew))
        .route("/v1/projects/{project}", put(leases::get_all))
        .route("/v1/events", get(events::events).layer(Extension(Stopping(stopping))))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .with_state(app)
}

async fn not_found(uri: Uri) -> ApiError {
    let detail = format!("no resource {}", portlease_proto::escape(uri.path()));
    ApiError::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, detail)
}

async fn method_not_allowed(method: Method, uri: Uri) -> ApiError {
    let detail = format!("{method} is not possible on {}", portlease_proto::escape(uri.path()));
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::MethodNotAllowed, detail)
}

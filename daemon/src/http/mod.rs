//! The HTTP edge: a door, thin handlers, and one conversion from the core's
//! errors to status and code. Nothing here decides which port is given.

mod body;
mod config;
mod connection;
mod door;
mod entrance;
mod error;
mod events;
mod filter;
mod gc;
mod guard;
mod health;
mod leases;
mod metrics;
mod openapi;
mod path;
mod ports;
mod projects;
mod request_id;
mod serve;
mod several;

use std::sync::Arc;

use axum::{
    Extension, Router,
    http::{Method, StatusCode, Uri},
};
use portlease_proto::ErrorCode;
use tokio::sync::watch;
use utoipa::OpenApi;
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};

pub use door::TcpDoor;
pub(crate) use guard::refusal;
pub use openapi::document;
pub use serve::Server;
pub(crate) use serve::back_off;

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

/// The resources of the API, each with its description: a route without one
/// cannot be added.
fn routes(stopping: watch::Receiver<bool>) -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::Types::openapi())
        .routes(routes!(leases::list, several::get_anonymous))
        .routes(routes!(leases::list_project, leases::release_project))
        .routes(routes!(leases::get, leases::show, leases::release))
        .routes(routes!(leases::renew))
        .routes(routes!(several::get_all))
        .routes(routes!(projects::mv))
        .routes(routes!(projects::mv_project))
        .routes(routes!(projects::export))
        .routes(routes!(projects::import))
        .routes(routes!(gc::gc))
        .routes(routes!(ports::list))
        .routes(routes!(ports::show))
        .routes(routes!(ports::diagnosis))
        .routes(routes!(ports::stop))
        .routes(routes!(events::events).layer(Extension(Stopping(stopping))))
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(health::diagnosis))
        .routes(routes!(config::config))
        .routes(routes!(metrics::metrics))
        .routes(routes!(openapi::openapi))
}

fn router(app: App, stopping: watch::Receiver<bool>) -> Router {
    let (router, _description) = routes(stopping).split_for_parts();
    router.method_not_allowed_fallback(method_not_allowed).fallback(not_found).with_state(app)
}

async fn not_found(uri: Uri) -> ApiError {
    let detail = format!("no resource {}", portlease_proto::escape(uri.path()));
    ApiError::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, detail)
}

async fn method_not_allowed(method: Method, uri: Uri) -> ApiError {
    let detail = format!("{method} is not possible on {}", portlease_proto::escape(uri.path()));
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::MethodNotAllowed, detail)
}

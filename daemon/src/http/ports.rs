//! `/v1/ports`: what is on the machine's ports.

use axum::{
    Extension, Json,
    body::Body,
    extract::{Query, State},
    http::{StatusCode, Uri},
};
use portlease_proto::{
    Diagnosis, ErrorCode, LeaseState, Listener, Listeners, Port, PortReport, SocketState, StopRequest,
    Stopped,
};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    App, body,
    entrance::Entrance,
    error::ApiError,
    leases::{blocking, on_blocking_thread},
    openapi::{example, problems::refusals},
    path::Path,
};
use crate::{
    doctor::{self, Facts, Target, Way},
    manager::{Extent, Whereabouts},
    stop, way,
};

refusals!(ListRefusals: 422 InvalidRequest, 429 LimitReached, 500 Internal, 503 SocketTableUnavailable);
refusals!(ShowRefusals:
    422 InvalidRequest, 422 InvalidName, 429 LimitReached, 500 Internal, 503 SocketTableUnavailable
);
refusals!(StopRefusals:
    403 ProcessOfAnotherUser, 403 ProcessOfContainer, 403 ProcessProtected, 408 RequestTimeout, 409 StaleRequest,
    413 BodyTooLarge, 415 UnsupportedMediaType, 422 InvalidRequest, 422 InvalidName, 500 Internal,
    503 SocketTableUnavailable,
);

/// Which listeners are asked for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Which {
    /// Only those that other machines reach, or only the others; both when not
    /// given.
    #[param(example = true)]
    exposed: Option<bool>,
    /// `false` adds sockets that have a port and take nobody's connections or
    /// datagrams: TCP ones that are bound and do not listen, and UDP ones that
    /// are connected.
    #[param(example = true)]
    listening: Option<bool>,
}

impl Which {
    fn includes(&self, listener: &Listener) -> bool {
        let listens = listener.state == SocketState::Listening || self.listening == Some(false);
        listens && self.exposed.is_none_or(|exposed| exposed == listener.exposed)
    }
}

/// How much of a port is asked for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HowMuch {
    /// `true` shows every socket, also where one listens: connections, and
    /// what is bound beside it. That takes milliseconds.
    #[param(example = true)]
    connections: bool,
}

/// List what listens on the machine, with leases and the processes behind.
///
/// TCP listeners and UDP sockets without a peer. One reading of the kernel's tables serves all who ask at about the
/// same time.
#[utoipa::path(
    get, path = "/v1/ports", operation_id = "ports", tag = "ports", params(Which),
    responses(
        (status = 200, description = "Sorted by port, transport and address.", body = Listeners, examples(
            ("two" = (value = json!(example("ports"))))
        )),
        ListRefusals
    )
)]
pub(super) async fn list(State(app): State<App>, uri: Uri) -> Result<Json<Listeners>, ApiError> {
    let which: Which = query(&uri)?;
    let mut ports = blocking(app.manager, |manager| manager.ports()).await?;
    ports.retain(|listener| which.includes(listener));
    Ok(Json(Listeners { ports }))
}

/// Tell about one port: its sockets, the processes behind them, its lease.
///
/// Where a socket listens, that is who has the port, and connections are left out unless they are asked for.
#[utoipa::path(
    get, path = "/v1/ports/{port}", operation_id = "port", tag = "ports",
    params(("port" = Port, Path, description = "The port."), HowMuch),
    responses(
        (status = 200, description = "What is on it at this moment.", body = PortReport, examples(
            ("free" = (value = json!(example("port_free")))),
            ("in use" = (value = json!(example("port_in_use"))))
        )),
        ShowRefusals
    )
)]
pub(super) async fn show(
    State(app): State<App>,
    Path(port): Path<String>,
    uri: Uri,
) -> Result<Json<PortReport>, ApiError> {
    let port = parse(&port)?;
    let extent = if query::<HowMuch>(&uri)?.connections { Extent::All } else { Extent::Serving };
    let report = match app.manager.try_port(port, extent)? {
        Some(report) => report,
        None => blocking(app.manager, move |manager| manager.port(port, extent)).await?,
    };
    Ok(Json(report))
}

/// How the client names this machine.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Question {
    /// `localhost`, a name that ends with `.localhost`, or an IP address; `localhost` when not given. With `http://` or
    /// `https://` before it, if the client speaks that.
    #[param(value_type = Option<String>, example = "127.0.0.1")]
    host: Option<Target>,
}

/// Find out why a port cannot be reached.
///
/// Judges what is on the port, one cause after the other, the likeliest first. A check that has nothing to say is left
/// out. Where something listens, the daemon connects to it and asks `HEAD /`, and perhaps whether it speaks TLS; one
/// that speaks first, or takes no connections, is not asked. It takes some seconds if nothing answers.
#[utoipa::path(
    get, path = "/v1/ports/{port}/diagnosis", operation_id = "diagnosis", tag = "ports",
    params(("port" = Port, Path, description = "The port."), Question),
    responses(
        (status = 200, description = "What each check found.", body = Diagnosis, examples(
            ("IPv6 alone" = (value = json!(example("diagnosis"))))
        )),
        ShowRefusals
    )
)]
pub(super) async fn diagnosis(
    State(app): State<App>,
    Path(port): Path<String>,
    uri: Uri,
) -> Result<Json<Diagnosis>, ApiError> {
    let port = parse(&port)?;
    let Question { host } = query(&uri)?;
    let Target { scheme, host } = host.unwrap_or_default();
    let sockets = app.edges.sockets;
    let facts = blocking(app.manager, move |manager| {
        let report = manager.port(port, Extent::All)?;
        let away = report.lease.as_ref().is_some_and(|lease| lease.state != LeaseState::Bound);
        let whereabouts = if away { manager.whereabouts(port)? } else { Whereabouts::default() };
        let mut facts = Facts { report, host, scheme, whereabouts, way: Way::default() };
        facts.way = way::walk(sockets.as_ref(), &facts);
        Ok(facts)
    });
    Ok(Json(doctor::diagnose(&facts.await?)))
}

/// Stop the process that has a socket on the port.
///
/// The request names the process and the socket as the caller has seen them in `GET /v1/ports/{port}`. Nobody is
/// stopped if the process does not have that socket on that port any more, and nobody but this user's own processes.
/// It is waited for, for 5 s at most. Over TCP this needs the token.
#[utoipa::path(
    post, path = "/v1/ports/{port}/stop", operation_id = "stop", tag = "ports",
    params(("port" = Port, Path, description = "The port.")),
    request_body(
        content = StopRequest, content_type = "application/json", description = "Who is to be stopped, and how.",
        examples(("gently" = (value = json!(example("stop_request"))))),
    ),
    responses(
        (status = 200, description = "It got the signal.", body = Stopped, examples(
            ("killed" = (value = json!(example("stopped"))))
        )),
        StopRefusals
    )
)]
pub(super) async fn stop(
    State(app): State<App>,
    Extension(entrance): Extension<Entrance>,
    Path(port): Path<String>,
    body: Body,
) -> Result<Json<Stopped>, ApiError> {
    entrance.may_stop()?;
    let port = parse(&port)?;
    let request: StopRequest = body::json(body).await?;
    Ok(Json(on_blocking_thread(move || stop::stop(&app.edges, port, &request)).await?))
}

/// A query that is not understood is refused: ignored, it would answer another
/// question.
fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, ApiError> {
    let Query(value) = Query::try_from_uri(uri).map_err(|rejection| {
        let why = portlease_proto::escape(&rejection.body_text());
        invalid(format!("the query is not understood: {why}"))
    })?;
    Ok(value)
}

fn parse(port: &str) -> Result<Port, ApiError> {
    port.parse().map_err(|error: portlease_proto::InvalidPort| invalid(error.to_string()))
}

fn invalid(detail: String) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::InvalidRequest, detail)
}

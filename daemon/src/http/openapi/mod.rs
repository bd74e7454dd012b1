//! The description of the API, made from the handlers themselves.

mod finish;
pub(in crate::http) mod problems;
mod words;

use std::sync::LazyLock;

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use portlease_proto::{
    API_PORT, Endpoint, Event, LeaseState, Problem, ProjectName, Reset, ServiceName, openapi::EXAMPLES,
};
use problems::refusals;
use serde_json::{Value, json};
use tokio::sync::watch;

/// Types that no operation names as its body, with all that they consist of.
#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(Problem, Endpoint, Event, Reset, LeaseState, ProjectName, ServiceName)))]
pub(super) struct Types;

/// Made once, when it is first asked for.
static TEXT: LazyLock<String> = LazyLock::new(text);

/// The OpenAPI 3.1 document of `GET /v1/openapi.json`, as text.
#[must_use]
pub fn document() -> &'static str {
    &TEXT
}

refusals!(Refusals:);

/// Describe the API: this document.
///
/// The same text is in `docs/openapi.json` of this version, and `portlease docs --openapi` prints it.
#[utoipa::path(
    get, path = "/v1/openapi.json", operation_id = "openapi", tag = "daemon",
    responses(
        (status = 200, description = "OpenAPI 3.1.", content_type = "application/json", body = Object),
        Refusals
    )
)]
pub(super) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document()).into_response()
}

/// One of the messages that the tests of the formats keep true.
pub(super) fn example(file: &str) -> Value {
    let text = EXAMPLES.iter().find(|(_, name, _)| *name == file).map(|(_, _, text)| *text);
    debug_assert!(text.is_some(), "no example {file}");
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn text() -> String {
    let (_router, routes) = super::routes(watch::Sender::new(false).subscribe()).split_for_parts();
    let routes = serde_json::to_value(routes).unwrap_or_default();
    let mut document = about();
    document["paths"] = routes["paths"].clone();
    document["components"]["schemas"] = routes["components"]["schemas"].clone();
    finish::finish(&mut document);
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// All but the operations and the types.
fn about() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "portlease",
            "summary": "Ports for every project on this machine, the same ones every time",
            "description": include_str!("about.md"),
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
            "version": env!("CARGO_PKG_VERSION"),
        },
        "servers": [
            {
                "url": "http://127.0.0.1:{port}",
                "description": "TCP, also on `[::1]` and as `localhost`.",
                "variables": {"port": {
                    "default": API_PORT.to_string(),
                    "description": "`api.port` of config.toml, or the next free one: see `endpoint.json`.",
                }},
            },
            {
                "url": "http://localhost",
                "description": "The Unix socket, whatever the host is called: \
                    `curl --unix-socket \"$XDG_RUNTIME_DIR/portlease/portlease.sock\" http://localhost/v1/leases`.",
            },
        ],
        "security": [{}, {"token": []}],
        "tags": [
            {"name": "leases", "description": "Who has which port."},
            {"name": "ports", "description": "What is on the ports of the machine."},
            {"name": "events", "description": "What happens to leases."},
            {"name": "daemon", "description": "The daemon about itself."},
        ],
        "paths": {},
        "components": {
            "securitySchemes": {"token": {
                "type": "http",
                "scheme": "bearer",
                "description": "The content of the file `token` beside the Unix socket. Only over TCP, and only where \
                    the daemon asks for it with 401 `token_required`.",
            }},
            "schemas": {},
        },
    })
}

//! `/v1/config`

use axum::{Json, extract::State};
use portlease_proto::Configuration;

use super::{
    App,
    openapi::{example, problems::refusals},
};

refusals!(ConfigRefusals:);

/// Say which settings are in force, and where each of them comes from.
///
/// They are what the daemon has: `pending` is what the file says and only a restart brings.
#[utoipa::path(
    get, path = "/v1/config", tag = "daemon",
    responses(
        (status = 200, description = "Every setting.", body = Configuration, examples(
            ("some of them" = (value = json!(example("configuration"))))
        )),
        ConfigRefusals
    )
)]
pub(super) async fn config(State(app): State<App>) -> Json<Configuration> {
    Json(app.status.configuration())
}

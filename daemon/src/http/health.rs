//! `/v1/health`, `/v1/ready` and `/v1/diagnosis`: the daemon about itself.

use axum::{Json, extract::State};
use portlease_proto::{Health, MachineDiagnosis, Ready};

use super::{
    App,
    error::ApiError,
    leases::blocking,
    openapi::{example, problems::refusals},
};
use crate::doctor::{MachineFacts, diagnose_machine};

refusals!(HealthRefusals:);
refusals!(DiagnosisRefusals: 500 Internal);
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

/// Find out how the daemon is, and the machine under it.
///
/// Its port and addresses, the kernel's word on sockets, the saved registry, the clock, the directories of projects, the
/// pool, open files. It answers whatever is wrong.
#[utoipa::path(
    get, path = "/v1/diagnosis", operation_id = "machine_diagnosis", tag = "daemon",
    responses(
        (status = 200, description = "What each check found.", body = MachineDiagnosis, examples(
            ("a root is gone" = (value = json!(example("machine_diagnosis"))))
        )),
        DiagnosisRefusals
    )
)]
pub(super) async fn diagnosis(State(app): State<App>) -> Result<Json<MachineDiagnosis>, ApiError> {
    let health = app.status.health(app.manager.len());
    let condition = blocking(app.manager, |manager| Ok(manager.condition())).await?;
    Ok(Json(diagnose_machine(&MachineFacts { health, condition })))
}

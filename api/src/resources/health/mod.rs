//! `/healthz`: liveness of the process. `/readyz`: its readiness, dependencies
//! included. [`readiness`] has the report, and [`checks`] what it consists of.

mod checks;
pub(crate) mod readiness;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::readiness::{ReadinessReport, ReadinessStatus};
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
}

/// Body of the liveness check.
#[derive(Serialize, ToSchema)]
struct Health {
    #[schema(example = "ok")]
    status: &'static str,
}

/// Reports that the process is alive.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "Operations",
    responses((
        status = 200, description = "Alive", body = Health
    ))
)]
async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Reports whether the process is ready to serve requests. The report is at most a
/// second old.
///
/// `unready`, with 503: Redis or MongoDB does not respond, Redis holds another log,
/// or the oldest event that a view has not folded is older than `PATRON_READY_LAG`.
/// `degraded`: no worker is alive, a view is stalled, was folded by an older program
/// or has events in quarantine, views lag by more than 2 s, or Redis is short of
/// memory.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "Operations",
    responses(
        (status = 200, description = "`ready` or `degraded`; see `reasons`", body = ReadinessReport),
        (status = 503, description = "`unready`; see `reasons`", body = ReadinessReport)
    )
)]
async fn readyz(State(app): State<AppState>) -> impl IntoResponse {
    let report = checks::report(app).await;
    let code = match report.status {
        ReadinessStatus::Ready | ReadinessStatus::Degraded => StatusCode::OK,
        ReadinessStatus::Unready => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, Json(report))
}

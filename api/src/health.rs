//! `/healthz`: liveness of the process. `/readyz`: its readiness, dependencies
//! included.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::problem::Problem;
use crate::readiness::{Report, Status, checks};
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
}

/// Body of the liveness check.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a constant response")]
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
async fn healthz() -> impl IntoResponse {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, r#"{"status":"ok"}"#)
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
        (status = 200, description = "`ready` or `degraded`; see `reasons`", body = Report),
        (status = 503, description = "`unready`; see `reasons`", body = Report)
    )
)]
async fn readyz(State(app): State<AppState>) -> Result<impl IntoResponse, Problem> {
    let report = tokio::spawn(checks::report(app)).await;
    let report = report.map_err(|error| {
        tracing::error!(%error, "the readiness check failed");
        Problem::internal()
    })?;
    let code = match report.status() {
        Status::Ready | Status::Degraded => StatusCode::OK,
        Status::Unready => StatusCode::SERVICE_UNAVAILABLE,
    };
    Ok((code, Json(report)))
}

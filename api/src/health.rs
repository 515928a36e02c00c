//! `/healthz`: the process. `/readyz`: what it stands on.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::Problem;
use crate::readiness::{Readiness, Report, Status};
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
}

/// What is said of a process that is there.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a text that never changes")]
struct Health {
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether the process is there.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operation",
    responses((
        status = 200, description = "It is", body = Health
    ))
)]
async fn healthz() -> impl IntoResponse {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, r#"{"status":"ok"}"#)
}

/// Whether the process should get requests. The answer is at most a second old.
///
/// `unready`, with 503: an engine does not answer, Redis holds another log, or
/// the oldest event that a view has not folded is older than `PATRON_READY_LAG`.
/// `degraded`: no worker is alive, a view stands still or was folded by an older
/// program, views lag by more than 2 s, or Redis is short of memory.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operation",
    responses(
        (status = 200, description = "`ready`, or `degraded`: see `reasons`", body = Report),
        (status = 503, description = "`unready`: see `reasons`", body = Report)
    )
)]
async fn readyz(State(app): State<AppState>) -> Result<impl IntoResponse, Problem> {
    let report = tokio::spawn(Readiness::report(app)).await;
    let report = report.map_err(|error| {
        tracing::error!(%error, "the readiness cannot be computed");
        Problem::internal()
    })?;
    let code = match report.status() {
        Status::Ready | Status::Degraded => StatusCode::OK,
        Status::Unready => StatusCode::SERVICE_UNAVAILABLE,
    };
    Ok((code, Json(report)))
}

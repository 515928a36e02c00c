//! `/healthz`: the process. `/readyz`: what it stands on.

use std::future::Future;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use eventlog::LogError;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::{AppState, Shared};

/// How long an engine may take to show that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

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

/// Whether all is well, and what is not.
#[derive(Serialize, ToSchema)]
struct Readiness {
    /// `ready`, or `unready` if any check fails.
    #[schema(example = "ready")]
    status: &'static str,
    /// One by one.
    checks: Vec<Check>,
}

/// One thing that must be well.
#[derive(Serialize, ToSchema)]
struct Check {
    /// `redis`, `log`, `mongodb`, `memory` or `views`.
    #[schema(example = "redis")]
    name: &'static str,
    /// Whether it is.
    ok: bool,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "does not answer")]
    reason: Option<String>,
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

/// Whether the engines answer, Redis holds the same log, there is memory, and no view stands still or
/// was folded by an older program.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operation",
    responses(
        (status = 200, description = "All is well", body = Readiness),
        (status = 503, description = "Something is not; see `checks`", body = Readiness)
    )
)]
async fn readyz(State(app): State<AppState>) -> impl IntoResponse {
    let (redis, log, mongodb, views) =
        tokio::join!(redis(&app), log(&app), mongodb(&app), views(&app));
    let checks = vec![redis, log, mongodb, memory(&app), views];
    let ready = checks.iter().all(|check| check.ok);
    let (code, status) = match ready {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "unready"),
    };
    (code, Json(Readiness { status, checks }))
}

async fn redis(app: &Shared) -> Check {
    let asked = app.commands.log().memory();
    check("redis", answer(asked).await.map(|_| ()))
}

/// Checks that Redis holds the log that this process knows.
async fn log(app: &Shared) -> Check {
    let verdict = match timeout(PATIENCE, app.commands.log().check()).await {
        Ok(Err(error)) if error.is_other_log() => {
            tracing::error!(%error, "Redis holds another log; nothing is appended");
            let reason = "Redis holds another log, or an older copy: nothing is appended; \
                          restore a newer copy, or see `patron log accept --help`";
            Err(reason.to_owned())
        }
        Ok(Err(LogError::Unconfirmed(_))) => {
            Err("the log is not confirmed until MongoDB answers".to_owned())
        }
        // That Redis does not answer is a check of its own.
        Ok(Ok(()) | Err(_)) | Err(_) => Ok(()),
    };
    check("log", verdict)
}

async fn mongodb(app: &Shared) -> Check {
    check("mongodb", answer(app.store.ping()).await)
}

fn memory(app: &Shared) -> Check {
    let verdict = match app.shed.is_shedding() {
        true => Err("Redis is short of memory: new data is refused".to_owned()),
        false => Ok(()),
    };
    check("memory", verdict)
}

async fn views(app: &Shared) -> Check {
    let asked = async { tokio::try_join!(app.store.stopped(), app.store.outdated()) };
    let verdict = answer(asked).await.and_then(|(stopped, outdated)| {
        // Why is in /api/admin/projections: who is not signed in learns only which.
        let mut names: Vec<_> = stopped.into_iter().map(|(name, _)| name).collect();
        names.dedup();
        let mut reasons = Vec::new();
        if !names.is_empty() {
            reasons.push(format!("stand still: {}", names.join(", ")));
        }
        reasons.extend(outdated.into_iter().map(remedy));
        match reasons.is_empty() {
            true => Ok(()),
            false => Err(reasons.join("; ")),
        }
    });
    check("views", verdict)
}

fn remedy(outdated: &str) -> String {
    format!("{outdated} is of an older program: run `patron rebuild {outdated}`")
}

fn check(name: &'static str, verdict: Result<(), String>) -> Check {
    Check {
        name,
        ok: verdict.is_ok(),
        reason: verdict.err(),
    }
}

/// The answer of an engine, or what to say to whoever is not signed in: the
/// engine's own words are for the log.
async fn answer<T, E: std::error::Error>(
    asked: impl Future<Output = Result<T, E>>,
) -> Result<T, String> {
    match timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            tracing::warn!(%error, "an engine is not well");
            Err("does not answer".to_owned())
        }
        Err(_) => Err(format!("did not answer within {} s", PATIENCE.as_secs())),
    }
}

//! Handlers of `POST /api/imports/{id}/run`, `…/stop`, and `DELETE /api/imports/{id}`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use commands::Outcome;
use domain::{ImportCommand, ImportCounts, ImportError, ImportId, ImportStatus};
use serde::Serialize;
use tokio::time::timeout_at;
use utoipa::ToSchema;

use super::body::ImportRunBody;
use super::find::{current, elsewhere, refused, require_file};
use super::folder::StoredRun;
use super::preview::check_options;
use super::receive::disk;
use super::run::{self, LEASE, leases};
use crate::http::body::JsonBody;
use crate::http::deadline::Deadline;
use crate::http::extract::Path;
use crate::http::openapi::{Conflict, NotFound};
use crate::http::position;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::state::{AppContext, AppState};

/// Status of an import after a request.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportTransition)]
pub(super) struct TransitionResponse {
    /// The import's id.
    #[schema(value_type = schema::ImportId)]
    import_id: ImportId,
    /// The import's status.
    #[schema(value_type = schema::ImportStatus)]
    status: ImportStatus,
}

/// Runs an import.
///
/// The rows are recorded like items of `POST /api/data/{kind}`, by the caller. Only
/// one import runs at a time in a deployment. A run that was stopped or has failed continues after
/// the last recorded row if it has the same options, else it starts over; items that were
/// recorded before are `unchanged`. A run survives restarts, and waits while the log
/// takes no data: see `waiting_for` of the import.
#[utoipa::path(
    post,
    path = "/api/imports/{id}/run",
    tag = "Imports",
    params(("id" = inline(schema::ImportId), Path, description = "The import's id")),
    request_body = ImportRunBody,
    responses(
        (status = 202, description = "Started", body = TransitionResponse,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        NotFound, Conflict
    )
)]
pub(super) async fn run_import(
    State(app): State<AppState>,
    Path(id): Path<ImportId>,
    Caller(context): Caller,
    JsonBody(body): JsonBody<ImportRunBody>,
) -> Result<impl IntoResponse, Problem> {
    app.shed.check()?;
    let import = current(&app, &id).await?;
    let impossible = |status| refused(&id, &ImportError::Impossible(status));
    if matches!(
        import.status,
        ImportStatus::Running | ImportStatus::Finished
    ) {
        return Err(impossible(import.status));
    }
    let folder = require_file(&app, &id).await?;
    let (plan, format) = body.plan(import.file.file_name.as_str())?;
    let run = StoredRun::new(plan, format, &context);
    check_options(&folder, &id, &run).await?;
    let registration = app.imports.register(&id);
    let registration = registration.ok_or_else(|| impossible(ImportStatus::Running))?;
    let leases = leases(&app, &id);
    if !leases.hold(LEASE).await? {
        return Err(other_running(&app).await);
    }
    let started = async {
        folder.set_run(&id, &run).map_err(|error| disk(&error))?;
        let command = ImportCommand::Start(Box::new(run.plan.clone()));
        let started = app.commands.execute(&context, id.clone(), command).await?;
        started.map_err(|error| refused(&id, &error))
    };
    let outcome = match started.await {
        Ok(outcome) => outcome,
        Err(problem) => {
            if let Err(error) = leases.release(LEASE).await {
                tracing::warn!(%error, "the lease on imports was not released and will expire");
            }
            return Err(problem);
        }
    };
    run::spawn(&app, folder, registration, id.clone(), run);
    Ok(accepted(id, outcome, ImportStatus::Running))
}

/// Stops an import.
///
/// Rows that were recorded stay recorded. `POST /api/imports/{id}/run` continues it.
#[utoipa::path(
    post,
    path = "/api/imports/{id}/stop",
    tag = "Imports",
    params(("id" = inline(schema::ImportId), Path, description = "The import's id")),
    responses(
        (status = 202, description = "Stopped", body = TransitionResponse,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        NotFound, Conflict
    )
)]
pub(super) async fn stop_import(
    State(app): State<AppState>,
    Path(id): Path<ImportId>,
    Caller(context): Caller,
    axum::Extension(deadline): axum::Extension<Deadline>,
) -> Result<impl IntoResponse, Problem> {
    let import = current(&app, &id).await?;
    let mut counts = ImportCounts::default();
    match app.imports.running(&id) {
        Some(run) => {
            let stopped = timeout_at(deadline.less_writes(), run.stop(context.clone())).await;
            stopped.map_err(|_| {
                let detail = "the import is stopping; its end is not recorded yet";
                Problem::new(ProblemKind::Timeout, detail)
            })?;
        }
        None if import.status == ImportStatus::Running => {
            counts = counts_of_dead_process(&app, &id).await?;
        }
        None => {}
    }
    // After the run has recorded its end, this changes nothing and returns its position.
    let stopped = app
        .commands
        .execute(&context, id.clone(), ImportCommand::Stop(counts))
        .await?;
    let outcome = stopped.map_err(|error| refused(&id, &error))?;
    Ok(accepted(id, outcome, ImportStatus::Stopped))
}

/// Returns the counts of a run whose process is dead, as that process last reported them.
///
/// # Errors
/// 409 if the process is alive.
async fn counts_of_dead_process(app: &AppContext, id: &ImportId) -> Result<ImportCounts, Problem> {
    let record = app.store.import_files(&[id]).await?.remove(id);
    match record {
        Some(record) if record.is_alive => Err(elsewhere(app, id).await),
        Some(record) => Ok(record.progress.unwrap_or_default().counts),
        None => Ok(ImportCounts::default()),
    }
}

/// Deletes an import and its files.
///
/// Rows that were recorded stay recorded. An import that runs has to be stopped first.
/// Deleting it again has no effect.
#[utoipa::path(
    delete,
    path = "/api/imports/{id}",
    tag = "Imports",
    params(("id" = inline(schema::ImportId), Path, description = "The import's id")),
    responses(
        (status = 204, description = "Deleted",
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        NotFound, Conflict
    )
)]
pub(super) async fn delete_import(
    State(app): State<AppState>,
    Path(id): Path<ImportId>,
    Caller(context): Caller,
) -> Result<impl IntoResponse, Problem> {
    let deleted = app
        .commands
        .execute(&context, id.clone(), ImportCommand::Delete)
        .await?;
    let outcome = deleted.map_err(|error| refused(&id, &error))?;
    remove_files(&app, &id).await;
    let headers = [(position::HEADER, position::of(outcome))];
    Ok((StatusCode::NO_CONTENT, headers))
}

/// Removes the files of a deleted import. Those of another process are removed by that
/// process, and those that cannot be removed now by the next sweep.
async fn remove_files(app: &AppContext, id: &ImportId) {
    let Ok(folder) = app.imports.folder() else {
        return;
    };
    if !folder.exists(id) {
        return;
    }
    let removed = tokio::task::spawn_blocking({
        let id = id.clone();
        move || folder.remove(&id)
    });
    match removed.await {
        Ok(Ok(())) => {
            // A record that stays is harmless: nothing refers to it.
            let _deleted = app.store.delete_import_file(id).await;
        }
        Ok(Err(error)) => tracing::error!(%error, "files of an import are not removed"),
        Err(error) => tracing::error!(%error, "removing the files of an import panicked"),
    }
}

/// Returns the problem of a run while another import runs.
async fn other_running(app: &AppContext) -> Problem {
    let running = match app.store.running_imports().await {
        Ok(running) => running,
        Err(error) => return error.into(),
    };
    let detail = match running.first() {
        Some(import) => format!(
            "{} ({}) runs, and one import runs at a time; wait for it or stop it",
            import.import_id, import.file_name
        ),
        None => "another import runs, and one import runs at a time; wait for it".to_owned(),
    };
    Problem::new(ProblemKind::ImportRunning, detail)
}

fn accepted(id: ImportId, outcome: Outcome, status: ImportStatus) -> impl IntoResponse {
    let headers = [(position::HEADER, position::of(outcome))];
    let body = TransitionResponse {
        import_id: id,
        status,
    };
    (StatusCode::ACCEPTED, headers, Json(body))
}

//! Handlers of `POST /api/imports/{id}/stop` and `DELETE /api/imports/{id}`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use domain::{ImportCommand, ImportCounts, ImportId, ImportStatus};
use tokio::time::timeout_at;

use super::find::{current, not_here, refused};
use super::run::domain_counts;
use super::transition::{TransitionResponse, accepted};
use crate::http::deadline::Deadline;
use crate::http::extract::Path;
use crate::http::openapi::{Conflict, NotFound};
use crate::http::position;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::state::{AppContext, AppState};

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
            counts = counts_without_run(&app, &id).await?;
        }
        None => {}
    }
    // After the run has recorded its end, this changes nothing and returns its position.
    let stopped = app
        .commands
        .execute(&context, id.clone(), ImportCommand::Stop(counts))
        .await?;
    let outcome = stopped.map_err(|error| refused(&id, &error))?;
    Ok(accepted(id, outcome.position, ImportStatus::Stopped))
}

/// Returns the counts of an import that this process does not run: those of its journal if
/// the file is here and the run is not continued yet, else those that its process, which is
/// dead, has last reported.
///
/// # Errors
/// 409 if the process is alive, 503 if this process does not know its files yet.
async fn counts_without_run(app: &AppContext, id: &ImportId) -> Result<ImportCounts, Problem> {
    if let Some(folder) = app.imports.folder_of(id) {
        let journal = folder.journaled(id);
        return Ok(journal.map_or_else(ImportCounts::default, |journal| {
            domain_counts(journal.counts)
        }));
    }
    let record = app.store.import_files(&[id]).await?.remove(id);
    match record {
        Some(record) if record.is_alive => Err(not_here(app, id).await),
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

//! Handler of `POST /api/imports/{id}/run`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use commands::{Context, start_import};
use domain::{ImportCommand, ImportError, ImportId, ImportStatus};
use eventlog::Position;

use super::body::ImportRunBody;
use super::find::{current, refused, require_file};
use super::folder::ImportFolder;
use super::preview::check_options;
use super::receive::disk;
use super::registry::Registration;
use super::run::{self, RunLease};
use super::stored::StoredRun;
use super::transition::{TransitionResponse, accepted};
use crate::http::body::JsonBody;
use crate::http::extract::Path;
use crate::http::idempotency::Idempotency;
use crate::http::openapi::{Conflict, NotFound};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::state::{AppContext, AppState};

/// Runs an import.
///
/// The rows are recorded like items of `POST /api/data/{kind}`, by the caller. Only
/// one import runs at a time in a deployment. A run that was stopped or has failed continues after
/// the last recorded row if it has the same options, else it starts over; items that were
/// recorded before are `unchanged`. A run survives restarts, and waits while the log
/// takes no data: see `waiting_for` of the import. A repeated request with the same
/// `Idempotency-Key` and body is answered like the first, whatever became of the run since.
#[utoipa::path(
    post,
    path = "/api/imports/{id}/run",
    tag = "Imports",
    params(
        ("id" = inline(schema::ImportId), Path, description = "The import's id"),
        Idempotency
    ),
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
    Idempotency { key }: Idempotency,
    JsonBody(body): JsonBody<ImportRunBody>,
) -> Result<impl IntoResponse, Problem> {
    app.shed.check()?;
    let current = current(&app, &id).await?;
    let (plan, format) = body.plan(current.file.file_name.as_str())?;
    let command = start_import(plan.clone(), key.as_ref());
    match current.import.decide(command.clone()) {
        // Without an effect: a repeated request.
        Ok(None) => return Ok(accepted(id, current.last, current.status)),
        Ok(Some(_)) => {}
        Err(error) => return Err(refused(&id, &error)),
    }
    let folder = require_file(&app, &id).await?;
    let run = StoredRun::new(plan, format, &context);
    check_options(&folder, &id, &run).await?;
    let registration = app.imports.register(&id);
    let registration = registration
        .ok_or_else(|| refused(&id, &ImportError::Impossible(ImportStatus::Running)))?;
    let start = Start {
        app: app.clone(),
        folder,
        registration,
        context,
        run,
        command,
    };
    // In a task of its own, which goes on if the client disconnects: a start in the log
    // needs its run.
    let started = app.imports.tasks.spawn(start.execute()).await;
    let started = started.map_err(|error| {
        tracing::error!(%error, "starting an import panicked");
        app.imports.request_sweep();
        Problem::internal()
    })?;
    Ok(accepted(id, started?, ImportStatus::Running))
}

/// A start that is under way.
struct Start {
    app: AppState,
    folder: Arc<ImportFolder>,
    registration: Registration,
    context: Context,
    run: StoredRun,
    command: ImportCommand,
}

impl Start {
    /// Takes the lease, records the start, and continues with the run in the background.
    /// Returns the position of the start.
    ///
    /// # Errors
    /// 409 if another import runs; those of the disk and of the log.
    async fn execute(self) -> Result<Position, Problem> {
        let id = self.registration.id().clone();
        let lease = RunLease::new(&self.app, &id);
        if !lease.hold().await? {
            return Err(other_running(&self.app).await);
        }
        match self.record(&id).await {
            Ok(position) => {
                let Self {
                    app,
                    folder,
                    registration,
                    run,
                    ..
                } = self;
                run::spawn(&app, folder, registration, run, position);
                Ok(position)
            }
            Err(problem) => {
                lease.release().await;
                Err(problem)
            }
        }
    }

    async fn record(&self, id: &ImportId) -> Result<Position, Problem> {
        self.folder
            .set_run(id, &self.run)
            .map_err(|error| disk(&error))?;
        let commands = &self.app.commands;
        let recorded = commands.execute(&self.context, id.clone(), self.command.clone());
        let recorded = recorded.await.inspect_err(|_| {
            // The start may be in the log nevertheless. The sweep then continues the run.
            self.app.imports.request_sweep();
        })?;
        let outcome = recorded.map_err(|error| refused(id, &error))?;
        Ok(outcome.position)
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

//! Handler of `POST /api/imports`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use commands::{CommandEffect, Context, Outcome};
use domain::{ImportCommand, ImportError, ImportId, ImportStatus, Subject};
use projections::imports::ImportDocument;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::{ImportProcess, ImportResponse};
use super::detect::detect;
use super::find::refused;
use super::folder::ImportFolder;
use super::partial::PartialImport;
use super::read::read_import;
use super::receive::{UploadLimits, disk, receive};
use super::records::report_file;
use super::stored::StoredImport;
use crate::http::idempotency::Idempotency;
use crate::http::openapi::{Conflict, DiskFull};
use crate::http::position;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::{self, Caller};
use crate::state::{AppContext, AppState};

/// Path of this operation, whose requests have no time limit as a whole.
pub(crate) const PATH: &str = "/api/imports";

/// A file to import.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form")]
#[schema(as = ImportUpload)]
struct ImportForm {
    /// The file.
    #[schema(value_type = schema::Binary)]
    file: Vec<u8>,
}

/// Uploads a file to import.
///
/// The file is on the disk of the process that answers, which alone can preview and run
/// the import. Its size is limited by `PATRON_IMPORT_MAX_BYTES`. Nothing is recorded of
/// its rows before `POST /api/imports/{id}/run`. A repeated request with the same
/// `Idempotency-Key` is answered with the import as it is by then.
#[utoipa::path(
    post,
    path = "/api/imports",
    tag = "Imports",
    params(Idempotency),
    request_body(content = ImportForm, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "Uploaded and persisted", body = ImportResponse,
            headers(
                ("Location" = inline(schema::Path), description = "The import's path"),
                ("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        Conflict, DiskFull
    )
)]
pub(super) async fn create_import(
    State(app): State<AppState>,
    Caller(context): Caller,
    Idempotency { key }: Idempotency,
    request: Request,
) -> Result<impl IntoResponse, Problem> {
    app.shed.check()?;
    let folder = app.imports.folder()?;
    let place = app.imports.upload_place()?;
    let partial = folder
        .begin(&Uuid::now_v7().to_string())
        .map_err(|error| disk(&error))?;
    let limits = UploadLimits {
        max_bytes: app.imports.config().max_bytes,
        stall: app.slow_client_timeout,
    };
    let file = receive(request, &partial, &limits).await?;
    drop(place);
    // The upload may take a while; the event gets the time at which it is recorded.
    let context = Context {
        now: caller::now(),
        ..context
    };
    let id = app.commands.id_to_create(key.as_ref(), Subject::Import);
    let id: ImportId = id.await?;
    let detected = detect(partial.path().join("file"), file.file_name.as_str()).await?;
    let stored = StoredImport { file, detected };
    let outcome = record(&app, &context, (&folder, partial), &id, &stored).await?;
    let is_here = folder.has_file(&id);
    if is_here {
        report_file(&app, &id, stored.detected.as_deref()).await;
    }
    let repeated = match outcome.effect {
        CommandEffect::Unchanged | CommandEffect::Stale | CommandEffect::Moved => {
            read_import(&app, &id).await?
        }
        CommandEffect::Created | CommandEffect::Updated => None,
    };
    let process = match is_here {
        true => Some(ImportProcess::of_this(&app)),
        false => {
            let record = app.store.import_files(&[&id]).await?.remove(&id);
            record.and_then(|record| ImportProcess::new(&app, &record))
        }
    };
    let import = repeated.unwrap_or_else(|| uploaded(&app, &context, id.clone(), stored, process));
    let headers = position::created_headers(format!("/api/imports/{id}"), outcome);
    Ok((StatusCode::CREATED, headers, Json(import)))
}

/// Completes the upload and records it. The file is in place before the event is in the
/// log: after a crash in between, it is removed at the next start. Uploads are recorded one
/// after the other: two with one idempotency key must not mix their files.
async fn record(
    app: &AppContext,
    context: &Context,
    (folder, partial): (&Arc<ImportFolder>, PartialImport),
    id: &ImportId,
    stored: &StoredImport,
) -> Result<Outcome, Problem> {
    let _recording = app.imports.recording.lock().await;
    if app.commands.import(id).await?.is_none() && !is_complete(folder, id, stored) {
        let (folder, id, stored) = (folder.clone(), id.clone(), stored.clone());
        let complete = move || {
            folder.remove(&id)?;
            partial.complete(&id, &stored)
        };
        let completed = tokio::task::spawn_blocking(complete).await;
        let completed = completed.map_err(|error| {
            tracing::error!(%error, "completing an upload panicked");
            Problem::internal()
        })?;
        completed.map_err(|error| disk(&error))?;
    }
    let command = ImportCommand::Upload(stored.file.clone());
    let recorded = app.commands.execute(context, id.clone(), command).await?;
    recorded.map_err(|error| match error {
        ImportError::NotFound => {
            let detail = "this idempotency key was used for an import that was deleted; use \
                          another one";
            Problem::new(ProblemKind::IdempotencyConflict, detail)
        }
        error => refused(id, &error),
    })
}

/// Returns true if this very file is in place: a request with the same idempotency key may
/// have ended before it was recorded, with this file or with another one.
fn is_complete(folder: &ImportFolder, id: &ImportId, stored: &StoredImport) -> bool {
    let known = folder.stored(id);
    folder.has_file(id) && known.is_ok_and(|known| known.file == stored.file)
}

/// Builds the response from the request, since the view may not have the import yet.
fn uploaded(
    app: &AppContext,
    context: &Context,
    id: ImportId,
    stored: StoredImport,
    process: Option<ImportProcess>,
) -> ImportResponse {
    let now: DateTime<Utc> = context.now.into();
    let StoredImport { file, detected } = stored;
    let document = ImportDocument {
        import_id: id,
        status: ImportStatus::Uploaded,
        file_name: file.file_name.into(),
        bytes: i64::try_from(file.bytes).unwrap_or(i64::MAX),
        sha256: file.sha256.into(),
        kind: None,
        preset: None,
        options: None,
        counts: None,
        reason: None,
        created_at: now.into(),
        created_by: context.actor.clone(),
        started_at: None,
        started_by: None,
        ended_at: None,
        is_deleted: false,
    };
    ImportResponse {
        detected: Some(detected.and_then(super::answer::json)),
        process,
        ..ImportResponse::new(app, document, None)
    }
}

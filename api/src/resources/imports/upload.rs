//! Handler of `POST /api/imports`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use commands::{Context, Outcome};
use domain::{ImportCommand, ImportId, ImportStatus, Subject};
use projections::imports::ImportDocument;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::{ImportProcess, ImportResponse};
use super::detect::detect;
use super::find::refused;
use super::folder::{ImportFolder, PartialImport, StoredImport};
use super::keep::report_file;
use super::receive::{UploadLimits, disk, receive};
use crate::http::idempotency::Idempotency;
use crate::http::openapi::{Conflict, DiskFull};
use crate::http::position;
use crate::http::problem::Problem;
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
/// its rows before `POST /api/imports/{id}/run`.
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
    report_file(&app, &id, stored.detected.as_deref()).await;
    let import = uploaded(&app, &context, id.clone(), stored);
    let headers = position::created_headers(format!("/api/imports/{id}"), outcome);
    Ok((StatusCode::CREATED, headers, Json(import)))
}

/// Completes the upload and records it. The file is in place before the event is in the
/// log: after a crash in between, it is removed at the next start.
async fn record(
    app: &AppContext,
    context: &Context,
    (folder, partial): (&Arc<ImportFolder>, PartialImport),
    id: &ImportId,
    stored: &StoredImport,
) -> Result<Outcome, Problem> {
    // With an idempotency key, a repeated request may find the files of the first one.
    if app.commands.import(id).await?.is_none() && !folder.has_file(id) {
        let (id, stored) = (id.clone(), stored.clone());
        let complete = move || partial.complete(&id, &stored);
        let completed = tokio::task::spawn_blocking(complete).await;
        let completed = completed.map_err(|error| {
            tracing::error!(%error, "completing an upload panicked");
            Problem::internal()
        })?;
        completed.map_err(|error| disk(&error))?;
    }
    let command = ImportCommand::Upload(stored.file.clone());
    let recorded = app.commands.execute(context, id.clone(), command).await?;
    recorded.map_err(|error| refused(id, &error))
}

/// Builds the response from the request, since the view may not have the import yet.
fn uploaded(
    app: &AppContext,
    context: &Context,
    id: ImportId,
    stored: StoredImport,
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
        detected: detected.and_then(super::answer::json),
        process: Some(ImportProcess::of_this(app)),
        ..ImportResponse::new(app, document, None)
    }
}

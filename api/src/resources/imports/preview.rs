//! Handler of `POST /api/imports/{id}/preview`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use domain::{ImportError, ImportId, ImportKind, ImportStatus};
use importer::{FilePosition, Fit, ImportCounts, ImportEnd, ImportTask, Pair, Progress};
use serde::Serialize;
use serde_json::Value;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::ImportRunBody;
use super::find::{current, refused, require_file};
use super::folder::ImportFolder;
use super::reasons::{MAX_EXAMPLES, RefusalReason, reasons};
use super::receive::disk;
use super::run::{describe, task};
use super::sink::CheckSink;
use super::stored::StoredRun;
use crate::http::body::JsonBody;
use crate::http::extract::Path;
use crate::http::openapi::{Conflict, NotFound};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::state::AppState;

/// Number of records after which a preview ends.
const MAX_ROWS: u64 = 20_000;

/// Time after which a preview ends.
const MAX_TIME: Duration = Duration::from_secs(5);

/// Number of unused columns that a preview names.
const MAX_COLUMNS: usize = 100;

/// Number of rows that are checked at once.
const BATCH: usize = 1_000;

/// Preview of a run.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportPreview)]
pub(super) struct PreviewResponse {
    /// Kind of data.
    #[schema(value_type = schema::ImportKind)]
    kind: ImportKind,
    /// Number of rows that were checked.
    #[schema(example = 12)]
    rows: u64,
    /// Number of records that they consist of: one per row, or one per order.
    #[schema(example = 9)]
    read: u64,
    /// Number of items that would be sent.
    #[schema(example = 8)]
    valid: u64,
    /// Number of records that would be refused.
    #[schema(example = 1)]
    refused: u64,
    /// Number of records that an earlier one of the file equals; they would not be sent.
    #[schema(example = 0)]
    repeated: u64,
    /// Number of records that the options leave out, such as failed payments.
    #[schema(example = 0)]
    skipped: u64,
    /// Number of local times that clocks showed twice; the first is meant.
    #[schema(example = 0)]
    ambiguous_times: u64,
    /// True if the whole file was checked; false if the preview ended after 20,000 records
    /// or five seconds.
    is_whole: bool,
    /// The first items as they would be sent, up to 20.
    items: Vec<Value>,
    /// Reasons of refusals, the most frequent first, up to 20.
    refusals: Vec<RefusalReason>,
    /// Fields of the preset that are left out, since the file lacks their columns.
    left_out_fields: Vec<LeftOutField>,
    /// Columns that fill no field, up to 100.
    #[schema(example = json!(["Notes"]))]
    unused_columns: Vec<String>,
    /// Attributes and properties that are sent as text, although the first rows have numbers
    /// alone. `NAME:number` in the map sends them as numbers.
    #[schema(example = json!(["attributes.size"]))]
    numbers_as_text: Vec<String>,
}

/// Field of the preset that is left out.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportLeftOutField)]
struct LeftOutField {
    /// Name of the field.
    #[schema(example = "phone")]
    field: String,
    /// Column that the file lacks, as the preset names it.
    #[schema(example = "Billing Phone")]
    column: String,
}

impl From<Pair> for LeftOutField {
    fn from(pair: Pair) -> Self {
        Self {
            field: pair.field,
            column: pair.value,
        }
    }
}

/// Previews an import.
///
/// Nothing is recorded. Rows are read and checked as a run would, except for what depends
/// on recorded data. Checks the whole file, or its first 20,000 rows if it has more.
#[utoipa::path(
    post,
    path = "/api/imports/{id}/preview",
    tag = "Imports",
    params(("id" = inline(schema::ImportId), Path, description = "The import's id")),
    request_body = ImportRunBody,
    responses(
        (status = 200, description = "Preview of a run", body = PreviewResponse),
        NotFound, Conflict
    )
)]
pub(super) async fn preview_import(
    State(app): State<AppState>,
    Path(id): Path<ImportId>,
    Caller(context): Caller,
    JsonBody(body): JsonBody<ImportRunBody>,
) -> Result<Json<PreviewResponse>, Problem> {
    let import = current(&app, &id).await?;
    if import.status == ImportStatus::Finished {
        return Err(refused(&id, &ImportError::Impossible(import.status)));
    }
    let folder = require_file(&app, &id).await?;
    let (plan, format) = body.plan(import.file.file_name.as_str())?;
    let kind = plan.kind;
    let run = StoredRun::new(plan, format, &context);
    let _place = app.imports.preview_place()?;
    let scratch = folder
        .begin(&format!("preview-{}", Uuid::now_v7()))
        .map_err(|error| disk(&error))?;
    let task = ImportTask {
        batch: BATCH,
        rejects: scratch.path().join("refused.ndjson"),
        journal: scratch.path().join("journal"),
        ..task(&folder, &id, &run).map_err(|error| invalid(&error))?
    };
    // Reads the whole file for its identity.
    let prepared = blocking(move || task.fit().and_then(|fit| Ok((fit, task.prepare()?)))).await?;
    let (fit, import) = prepared.map_err(|error| invalid(&error))?;
    let Fit {
        left_out,
        mut unused,
        numbers,
    } = fit;
    unused.truncate(MAX_COLUMNS);
    let sink = CheckSink::new(&app, kind, MAX_EXAMPLES);
    let seen = Seen::default();
    let limit = async {
        tokio::select! {
            () = seen.enough.cancelled() => {}
            () = sleep(MAX_TIME) => {}
        }
    };
    let ended = import.run(&sink, &seen, limit).await;
    let is_whole = match ended {
        Ok(ImportEnd::Complete { .. }) => true,
        Ok(ImportEnd::Stopped(_)) => false,
        Err((_, error)) => return Err(invalid(&error)),
    };
    let items = sink.into_examples();
    let refusals = blocking(move || reasons(&scratch)).await?;
    let counts = seen.counts();
    Ok(Json(PreviewResponse {
        kind,
        rows: counts.rows,
        read: counts.read,
        valid: counts.created,
        refused: counts.refused,
        repeated: counts.repeated,
        skipped: counts.skipped,
        ambiguous_times: counts.notes.ambiguous_times,
        is_whole,
        items: items
            .iter()
            .filter_map(|item| serde_json::from_str(item).ok())
            .collect(),
        refusals: refusals.map_err(|error| disk(&error))?,
        left_out_fields: left_out.into_iter().map(LeftOutField::from).collect(),
        unused_columns: unused,
        numbers_as_text: numbers,
    }))
}

/// Checks that the file can be read with the options of a run.
///
/// # Errors
/// 422 if not.
pub(super) async fn check_options(
    folder: &Arc<ImportFolder>,
    id: &ImportId,
    run: &StoredRun,
) -> Result<(), Problem> {
    let task = task(folder, id, run).map_err(|error| invalid(&error))?;
    let checked = blocking(move || task.check()).await?;
    checked.map_err(|error| invalid(&error))
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "reading the file of an import panicked");
        Problem::internal()
    })
}

/// Returns the problem of an importer that cannot read the file.
pub(super) fn invalid(error: &importer::ImportError) -> Problem {
    match error {
        importer::ImportError::Options(_) => {
            Problem::field(ProblemKind::InvalidField, "/options", describe(error))
        }
        importer::ImportError::Layout { reason, .. } => {
            let within = importer::option_pointer(reason).unwrap_or_default();
            let pointer = format!("/options{within}");
            Problem::field(ProblemKind::InvalidField, pointer, describe(error))
        }
        importer::ImportError::File { error, .. } => disk(error),
        error => {
            tracing::error!(%error, "an import cannot be previewed");
            Problem::internal()
        }
    }
}

/// Counts of a preview, which ends after enough rows.
#[derive(Default)]
struct Seen {
    counts: Mutex<ImportCounts>,
    enough: CancellationToken,
}

impl Seen {
    fn counts(&self) -> ImportCounts {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, ImportCounts> {
        // No operation on the counts panics halfway.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Seen {
    fn advanced(&self, _: FilePosition, counts: &ImportCounts) {
        *self.lock() = *counts;
        if counts.read >= MAX_ROWS {
            self.enough.cancel();
        }
    }
}

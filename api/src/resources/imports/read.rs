//! Handlers of `GET /api/imports` and `GET /api/imports/{id}`.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use domain::{ImportId, ImportStatus};
use eventlog::{Position, Positions};
use projections::imports::{ImportDocument, Imports};
use projections::{ImportFileRecord, QueryError, View};

use super::answer::ImportResponse;
use super::find::unknown;
use crate::http::after::AfterParam;
use crate::http::extract::{Path, Query};
use crate::http::openapi::NotFound;
use crate::http::paging::{Listed, PageParams};
use crate::http::problem::Problem;
use crate::http::schema;
use crate::resources::shared::after;
use crate::resources::shared::consistency::Consistency;
use crate::resources::shared::quarantined;
use crate::state::{AppContext, AppState};

/// Maximum time that a read waits for the view to have the status that the log has.
const CATCH_UP: Duration = Duration::from_secs(1);

/// Lists imports, newest first.
#[utoipa::path(
    get,
    path = "/api/imports",
    tag = "Imports",
    params(PageParams, Consistency),
    responses(
        (status = 200, description = "A page of imports", body = Listed<ImportResponse>)
    )
)]
pub(super) async fn list_imports(
    State(app): State<AppState>,
    Query(params): Query<PageParams>,
    consistency: Consistency,
) -> Result<Json<Listed<ImportResponse>>, Problem> {
    after::wait::<Imports>(&app, consistency.with(params.after())).await?;
    let page = app.store.imports(&params.page()).await?;
    let ids: Vec<&ImportId> = page.items.iter().map(|import| &import.import_id).collect();
    let mut records = app.store.import_files(&ids).await?;
    let mut imports = Listed::from_page(page, |import| {
        let record = records.remove(&import.import_id);
        ImportResponse::new(&app, import, record).for_list()
    });
    quarantined::mark(&app, &mut imports.items).await?;
    Ok(Json(imports))
}

/// Returns an import.
///
/// Every process of the deployment can answer; `process` names the one that has the file.
/// The `status` is that of the log, and does not wait for the view.
#[utoipa::path(
    get,
    path = "/api/imports/{id}",
    tag = "Imports",
    params(
        ("id" = inline(schema::ImportId), Path, description = "The import's id"),
        AfterParam,
        Consistency
    ),
    responses(
        (status = 200, description = "The import", body = ImportResponse),
        NotFound
    )
)]
pub(super) async fn get_import(
    State(app): State<AppState>,
    Path(id): Path<ImportId>,
    Query(params): Query<AfterParam>,
    consistency: Consistency,
) -> Result<Json<ImportResponse>, Problem> {
    after::wait::<Imports>(&app, consistency.with(params.after())).await?;
    let read = match consistency.waits() {
        true => read_import(&app, &id).await?,
        false => read_import_now(&app, &id).await?,
    };
    match read {
        Some(import) => Ok(Json(import)),
        None => Err(quarantined::missing::<Imports>(&app, id.as_str(), unknown(&id)).await),
    }
}

/// Reads an import; `None` if there is none. Its status is that of the log. If the view
/// does not have it yet, waits a moment for the rest.
///
/// # Errors
/// [`QueryError`] if MongoDB does not respond.
pub(super) async fn read_import(
    app: &AppContext,
    id: &ImportId,
) -> Result<Option<ImportResponse>, QueryError> {
    if let Lag::Behind(last) = lag(app, id).await? {
        let positions = Positions::from_iter([last]);
        let waited = app.store.wait_for(Imports::NAME, &positions, CATCH_UP);
        if let Err(error) = waited.await {
            tracing::debug!(%error, "the view of imports is behind");
        }
    }
    read_import_now(app, id).await
}

/// Reads an import like [`read_import`], without waiting for the view.
///
/// # Errors
/// The same as [`read_import`].
async fn read_import_now(
    app: &AppContext,
    id: &ImportId,
) -> Result<Option<ImportResponse>, QueryError> {
    // The record is read first: when the view says that the run has ended, its counts are
    // those of the event.
    let mut record = app.store.import_files(&[id]).await?.remove(id);
    let Some(mut document) = app.store.import(id).await? else {
        return Ok(None);
    };
    // The head is read last, so it is not older than the view.
    match app.commands.import(id).await {
        Ok(current) => {
            let Some(status) = current.and_then(|(import, _)| import.status()) else {
                return Ok(None);
            };
            if status != document.status {
                // A run reports its last counts before its end.
                record = app.store.import_files(&[id]).await?.remove(id);
                document = with_status(document, status, record.as_ref());
            }
        }
        Err(error) => tracing::debug!(%error, "an import is shown as the view has it"),
    }
    let mut import = ImportResponse::new(app, document, record);
    quarantined::mark(app, [&mut import]).await?;
    Ok(Some(import))
}

/// State of the view of an import, compared with the log.
enum Lag {
    /// The view has the last event, or the log cannot be read.
    None,
    /// The view does not have the event at this position.
    Behind(Position),
}

async fn lag(app: &AppContext, id: &ImportId) -> Result<Lag, QueryError> {
    let document = app.store.import(id).await?;
    Ok(match app.commands.import(id).await {
        Ok(Some((import, last))) if import.status() != document.map(|one| one.status) => {
            Lag::Behind(last)
        }
        Ok(_) => Lag::None,
        Err(error) => {
            tracing::debug!(%error, "an import is shown as the view has it");
            Lag::None
        }
    })
}

/// Returns a document with the status that the log has, and what follows from it.
fn with_status(
    document: ImportDocument,
    status: ImportStatus,
    record: Option<&ImportFileRecord>,
) -> ImportDocument {
    let reported = record.and_then(|record| record.progress);
    ImportDocument {
        status,
        counts: reported.map(|progress| progress.counts).or(document.counts),
        reason: None,
        ended_at: None,
        ..document
    }
}

//! Handlers of `GET /api/imports` and `GET /api/imports/{id}`.

use axum::Json;
use axum::extract::State;
use domain::ImportId;
use projections::QueryError;
use projections::imports::Imports;

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
        ImportResponse::new(&app, import, record)
    });
    quarantined::mark(&app, &mut imports.items).await?;
    Ok(Json(imports))
}

/// Returns an import.
///
/// Every process of the deployment can answer; `process` names the one that has the file.
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
    match read_import(&app, &id).await? {
        Some(import) => Ok(Json(import)),
        None => Err(quarantined::missing::<Imports>(&app, id.as_str(), unknown(&id)).await),
    }
}

/// Reads an import; `None` if the view has none.
///
/// # Errors
/// [`QueryError`] if MongoDB does not respond.
pub(super) async fn read_import(
    app: &AppContext,
    id: &ImportId,
) -> Result<Option<ImportResponse>, QueryError> {
    // The record is read first: when the view says that the run has ended, its counts are
    // those of the event.
    let record = app.store.import_files(&[id]).await?.remove(id);
    let Some(document) = app.store.import(id).await? else {
        return Ok(None);
    };
    let mut import = ImportResponse::new(app, document, record);
    quarantined::mark(app, [&mut import]).await?;
    Ok(Some(import))
}

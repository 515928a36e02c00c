//! Handler of `GET /api/imports/presets`.

use axum::Json;
use domain::ImportKind;
use importer::{ImportOptions, Preset, Resource};
use serde::Serialize;
use utoipa::ToSchema;

use super::body::ImportOptionsSchema;
use crate::http::problem::Problem;
use crate::http::schema;

/// Exports that are known.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportPresets)]
pub(super) struct PresetsResponse {
    /// The presets.
    items: Vec<PresetResponse>,
}

/// Layout of an export that is known.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportPresetDescription)]
struct PresetResponse {
    /// Name for `preset` of a run.
    #[schema(value_type = schema::ImportPreset)]
    name: String,
    /// Description of files with this layout.
    #[schema(example = "Shopify's export of orders")]
    title: String,
    /// Kind of data.
    #[schema(value_type = schema::ImportKind)]
    kind: ImportKind,
    /// Options that the preset stands for. Options of a run take precedence.
    #[schema(value_type = ImportOptionsSchema)]
    options: ImportOptions,
}

/// Lists the exports that are known.
///
/// A `preset` says which column of an export fills which field, what its statuses mean and
/// how it writes times.
#[utoipa::path(
    get,
    path = "/api/imports/presets",
    tag = "Imports",
    responses((status = 200, description = "The presets", body = PresetsResponse))
)]
pub(super) async fn list_import_presets() -> Result<Json<PresetsResponse>, Problem> {
    let described = Preset::all().iter().map(|preset| {
        let options = preset.options()?;
        Ok(PresetResponse {
            name: preset.name.clone(),
            title: preset.title.clone(),
            kind: kind(preset.resource),
            options,
        })
    });
    let items = described.collect::<Result<Vec<_>, importer::ImportError>>();
    let items = items.map_err(|error| {
        tracing::error!(%error, "a preset of this program cannot be used");
        Problem::internal()
    })?;
    Ok(Json(PresetsResponse { items }))
}

/// Returns the kind of data of a resource of the importer.
fn kind(resource: Resource) -> ImportKind {
    match resource {
        Resource::Customers => ImportKind::Customers,
        Resource::Orders => ImportKind::Orders,
        Resource::Events => ImportKind::Events,
    }
}

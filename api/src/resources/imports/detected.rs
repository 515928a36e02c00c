//! Layout of a file, as it is stored and answered.

use domain::ImportKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::schema;

/// Layout of a file, as detected from its beginning.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(super) struct DetectedLayout {
    /// Preset that fits the columns; `null` if none does.
    #[schema(value_type = Option<schema::ImportPreset>)]
    pub(super) preset: Option<String>,
    /// Title of the preset; `null` without a preset.
    #[schema(example = "Shopify's export of orders")]
    pub(super) title: Option<String>,
    /// Kind of data; `null` if the columns do not tell.
    #[schema(value_type = Option<schema::ImportKind>)]
    pub(super) kind: Option<ImportKind>,
    /// `csv` or `ndjson`.
    #[schema(value_type = schema::FileFormat)]
    pub(super) format: importer::FileFormat,
    /// Number of columns.
    #[serde(default)]
    #[schema(example = 3)]
    pub(super) column_count: usize,
    /// Names of the first columns, in the order of the file, up to 2,000 and 64 KiB; the
    /// names of the members of the first object for `ndjson`. Absent from lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<String>, required = false, example = json!(["Name", "Email", "Total"]))]
    pub(super) columns: Option<Vec<String>>,
    /// Options to preview and run the file with, besides `preset`. Absent from lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = super::body::ImportOptionsSchema, required = false)]
    pub(super) options: Option<importer::ImportOptions>,
}

/// Maximum number of columns, and of bytes of their names, that a layout has.
const MAX_COLUMNS: usize = 2_000;
const MAX_COLUMN_BYTES: usize = 64 * 1024;

impl DetectedLayout {
    /// Returns the layout of a file with these columns, of which it keeps the first.
    pub(super) fn with_columns(self, all: Vec<String>) -> Self {
        let mut left = MAX_COLUMN_BYTES;
        let column_count = all.len();
        let fitting = all.into_iter().take(MAX_COLUMNS).take_while(|name| {
            let fits = name.len() <= left;
            left = left.saturating_sub(name.len());
            fits
        });
        Self {
            column_count,
            columns: Some(fitting.collect()),
            ..self
        }
    }

    /// Leaves out what a list need not have.
    pub(super) fn for_list(self) -> Self {
        Self {
            columns: None,
            options: None,
            ..self
        }
    }
}

//! Request bodies of imports.

use std::collections::BTreeMap;
use std::path::Path;

use domain::{ImportKind, ImportPlan, Text};
use importer::{FileFormat, ImportOptions};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::body::Input;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;

/// How to read the file.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
#[schema(as = ImportRunIn, example = json!({
    "kind": "orders",
    "options": {
        "map": {"order_id": "Name", "customer_id": "Email", "amount": "Total", "placed_at": "Created at"},
        "set": {"currency": "USD"},
        "date_format": "%Y-%m-%d %H:%M:%S %z"
    }
}))]
pub(super) struct ImportRunBody {
    /// Kind of data in the file.
    #[schema(value_type = schema::ImportKind)]
    kind: ImportKind,
    /// Format of the file; by default `ndjson` if its name ends in `.ndjson` or `.jsonl`,
    /// else `csv`.
    #[serde(default)]
    #[schema(value_type = Option<schema::FileFormat>)]
    format: Option<FileFormat>,
    /// Preset with the layout of a known export. `options` are added to its own.
    #[serde(default)]
    #[schema(value_type = Option<schema::Text64>)]
    preset: Option<Text<64>>,
    /// Options of the conversion of a table. NDJSON has none.
    #[serde(default)]
    #[schema(value_type = ImportOptionsSchema)]
    options: ImportOptions,
}

impl Input for ImportRunBody {}

/// Options of the conversion of a table's rows to items.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the options of the importer")]
#[schema(as = ImportOptions)]
pub(crate) struct ImportOptionsSchema {
    /// Separator of columns: one ASCII character, `tab`, or `whitespace`.
    #[schema(default = ",", example = ";")]
    delimiter: Option<String>,
    /// `true` if the first line is data; the columns are then named 1, 2, …
    #[schema(default = false)]
    no_header: Option<bool>,
    /// Fields and the columns that fill them. Without any, columns with the name of a
    /// field fill it.
    map: Option<BTreeMap<String, String>>,
    /// Fields with the same value in every item.
    set: Option<BTreeMap<String, String>>,
    /// Template of the id, with `{line}` in place of the number of the line.
    #[schema(example = "shop-{line}")]
    id: Option<String>,
    /// Unit of amounts: `major`, with decimals, or `minor`.
    #[schema(value_type = Option<schema::AmountUnit>)]
    amount_unit: Option<String>,
    /// Format of times, as in strftime.
    #[schema(example = "%Y-%m-%d %H:%M:%S %z")]
    date_format: Option<String>,
}

impl ImportRunBody {
    /// Returns the plan of the import and the format of its file.
    ///
    /// # Errors
    /// 422 if the options cannot be used.
    pub(super) fn plan(self, file_name: &str) -> Result<(ImportPlan, FileFormat), Problem> {
        let format = self.format.unwrap_or_else(|| format_of(file_name));
        let options = serde_json::to_value(&self.options).map_err(|error| {
            Problem::field(ProblemKind::InvalidField, "/options", error.to_string())
        })?;
        let plan = ImportPlan {
            kind: self.kind,
            preset: self.preset,
            options,
        };
        Ok((plan, format))
    }
}

/// Returns the format that the name of a file suggests.
pub(super) fn format_of(file_name: &str) -> FileFormat {
    let extension = Path::new(file_name).extension().unwrap_or_default();
    let is = |name| extension.eq_ignore_ascii_case(name);
    match is("ndjson") || is("jsonl") {
        true => FileFormat::Ndjson,
        false => FileFormat::Csv,
    }
}

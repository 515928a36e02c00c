//! Handler of `POST /api/imports/{id}/columns`.

use std::path::PathBuf;

use axum::Json;
use axum::extract::State;
use domain::ImportId;
use importer::{FileFormat, ImportError, ImportOptions, ImportTask, OptionNames, Resource};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::ImportOptionsSchema;
use super::find::{current, require_file};
use super::preview::{blocking, invalid};
use crate::http::body::{Input, JsonBody};
use crate::http::extract::Path;
use crate::http::openapi::{Conflict, NotFound};
use crate::http::problem::Problem;
use crate::http::schema;
use crate::state::AppState;

/// Number of rows that are shown.
const ROWS: usize = 3;

/// Maximum number of characters of a cell that are shown.
const CELL: usize = 80;

/// How to read the header of a table.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
#[schema(as = ImportColumnsIn, example = json!({"options": {"delimiter": ";"}}))]
pub(super) struct ColumnsBody {
    /// Options of the conversion, of which only `encoding`, `delimiter` and `no_header` are
    /// used.
    #[serde(default)]
    #[schema(value_type = ImportOptionsSchema)]
    options: ImportOptions,
}

impl Input for ColumnsBody {}

/// Columns of a table, and its first rows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportColumns)]
pub(super) struct ColumnsResponse {
    /// Names of the columns, in the order of the file.
    #[schema(example = json!(["Name", "Email", "Total"]))]
    columns: Vec<String>,
    /// The first three rows, a cell for each column, of at most 80 characters. Rows that do
    /// not have these columns are left out.
    #[schema(example = json!([["#1001", "ada@example.com", "84.50"]]))]
    rows: Vec<Vec<String>>,
}

/// Reads the columns of a table.
///
/// For a table whose separator or encoding was not detected. Nothing is recorded.
#[utoipa::path(
    post,
    path = "/api/imports/{id}/columns",
    tag = "Imports",
    params(("id" = inline(schema::ImportId), Path, description = "The import's id")),
    request_body = ColumnsBody,
    responses(
        (status = 200, description = "The columns and the first rows", body = ColumnsResponse),
        NotFound, Conflict
    )
)]
pub(super) async fn read_import_columns(
    State(app): State<AppState>,
    Path(id): Path<ImportId>,
    JsonBody(body): JsonBody<ColumnsBody>,
) -> Result<Json<ColumnsResponse>, Problem> {
    current(&app, &id).await?;
    let folder = require_file(&app, &id).await?;
    let _place = app.imports.preview_place()?;
    let task = task(folder.file(&id), body.options);
    let read = blocking(move || read(&task)).await?;
    Ok(Json(read.map_err(|error| invalid(&error))?))
}

fn read(task: &ImportTask) -> Result<ColumnsResponse, ImportError> {
    let cut = |cell: String| cell.chars().take(CELL).collect();
    let rows = task.first_rows(ROWS)?.into_iter();
    Ok(ColumnsResponse {
        columns: task.columns()?,
        rows: rows.map(|row| row.into_iter().map(cut).collect()).collect(),
    })
}

/// Returns a task that only reads the beginning of a table, whatever it has.
fn task(file: PathBuf, options: ImportOptions) -> ImportTask {
    ImportTask {
        file,
        resource: Resource::Customers,
        format: FileFormat::Csv,
        options,
        preset: None,
        destination: String::new(),
        batch: 1,
        rejects: PathBuf::new(),
        journal: PathBuf::new(),
        restart: false,
        option_names: OptionNames::Members,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_rows_are_as_the_options_read_them() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let long = "x".repeat(100);
        let text = format!("id;name\n1;Ada\n2;Ben;extra\n3;{long}\n4;Dia\n");
        std::fs::write(file.path(), text).unwrap();
        let options = serde_json::from_str(r#"{"delimiter": ";"}"#).unwrap();
        let read = read(&task(file.path().into(), options)).unwrap();
        assert_eq!(read.columns, ["id", "name"]);
        assert_eq!(read.rows[0], ["1", "Ada"]);
        assert_eq!(read.rows[1], ["3".to_owned(), "x".repeat(80)]);
        assert_eq!(read.rows.len(), 2);
    }
}

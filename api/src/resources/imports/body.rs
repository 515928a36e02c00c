//! Request bodies of imports.

use std::collections::BTreeMap;
use std::path::Path;

use domain::{ImportKind, ImportPlan, Text};
use importer::{FileFormat, ImportOptions, Pair, Preset};
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
    "preset": "shopify-orders",
    "options": {"time_zone": "Europe/Berlin"}
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
    /// Preset with the layout of a known export. `options` take precedence over its own.
    #[serde(default)]
    #[schema(value_type = Option<schema::ImportPreset>)]
    preset: Option<PresetName>,
    /// The same as `map` of the options, in place of it.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    mapping: Option<Mapping>,
    /// Options of the conversion.
    #[serde(default)]
    #[schema(value_type = ImportOptionsSchema)]
    options: ImportOptions,
}

impl Input for ImportRunBody {}

/// Columns by the fields that they fill.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "BTreeMap<String, String>")]
struct Mapping(Vec<Pair>);

impl From<BTreeMap<String, String>> for Mapping {
    fn from(columns: BTreeMap<String, String>) -> Self {
        let pairs = columns.into_iter();
        Self(pairs.map(|(field, value)| Pair { field, value }).collect())
    }
}

/// Name of a preset that the importer has.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
struct PresetName(Text<64>);

impl TryFrom<String> for PresetName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let names = || Preset::all().iter().map(|preset| preset.name.as_str());
        match Text::try_from(name.clone()) {
            Ok(text) if names().any(|known| known == name) => Ok(Self(text)),
            _ => {
                let names: Vec<String> = names().map(|name| format!("`{name}`")).collect();
                Err(format!(
                    "unknown preset `{name}`, expected one of {}",
                    names.join(", ")
                ))
            }
        }
    }
}

/// Options of the conversion of a table's rows to items. Only `encoding` and `last_wins`
/// apply to NDJSON.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the options of the importer")]
#[schema(as = ImportOptions)]
pub(crate) struct ImportOptionsSchema {
    /// Encoding of a file without a byte-order mark, as the WHATWG names it; UTF-8 by
    /// default.
    #[schema(format = "encoding", example = "windows-1252")]
    encoding: Option<String>,
    /// Separator of columns: one ASCII character, `tab`, or `whitespace`; a comma by
    /// default.
    #[schema(pattern = r"^(tab|whitespace|[ !#-~])$", example = ";")]
    delimiter: Option<String>,
    /// `true` if the first line is data; the columns are then named 1, 2, …
    #[schema(value_type = bool, required = false, default = false)]
    no_header: Option<bool>,
    /// Fields and the columns that fill them: `Column`, `Column#2`, `!Column` or
    /// `{Column} {Column}`. Without any, columns with the name of a field fill it.
    #[schema(value_type = BTreeMap<String, String>, required = false)]
    map: Option<BTreeMap<String, String>>,
    /// Fields and the columns that fill them where the column of `map` is missing or empty.
    #[schema(value_type = BTreeMap<String, String>, required = false)]
    fallback: Option<BTreeMap<String, String>>,
    /// Fields with the same value in every item.
    #[schema(value_type = BTreeMap<String, String>, required = false)]
    set: Option<BTreeMap<String, String>>,
    /// Template of the id, with `{line}` in place of the number of the line.
    #[schema(example = "shop-{line}")]
    id: Option<String>,
    /// Statuses of the file and what they mean: `placed`, `cancelled`, `refunded`, or `skip`
    /// for orders that are left out.
    #[schema(value_type = BTreeMap<String, String>, required = false)]
    status: Option<BTreeMap<String, String>>,
    /// Fields of an order whose first value counts if its rows differ.
    #[schema(value_type = Vec<String>, required = false)]
    first_row: Option<Vec<String>>,
    /// `true` if the last of rows with one id and other content counts; by default, they are
    /// refused.
    #[schema(value_type = bool, required = false, default = false)]
    last_wins: Option<bool>,
    /// Unit of amounts: `major`, with decimals, or `minor`.
    #[schema(value_type = Option<schema::AmountUnit>)]
    amount_unit: Option<String>,
    /// Decimal sign of amounts that are written for people; by default only plain numbers
    /// are read.
    #[schema(value_type = Option<schema::DecimalSign>)]
    decimal: Option<String>,
    /// Formats of times, as in strftime, of which the first that fits is used.
    #[schema(value_type = Vec<String>, required = false, example = json!(["%Y-%m-%d %H:%M:%S %z"]))]
    date_format: Option<Vec<String>>,
    /// Zone of times without an offset, and of dates, as the IANA names it.
    #[schema(value_type = Option<schema::TimeZone>)]
    time_zone: Option<String>,
    /// Separator of the tags in a cell; a semicolon by default.
    #[schema(min_length = 1, max_length = 1, example = ",")]
    tag_separator: Option<String>,
    /// Words that mean yes, in any case.
    #[schema(value_type = Vec<String>, required = false, example = json!(["ja"]))]
    yes_word: Option<Vec<String>>,
    /// Words that mean no, in any case.
    #[schema(value_type = Vec<String>, required = false, example = json!(["nein"]))]
    no_word: Option<Vec<String>>,
    /// Texts that stand for an empty cell, in any case.
    #[schema(value_type = Vec<String>, required = false, example = json!(["n/a"]))]
    empty: Option<Vec<String>>,
    /// Customers' fields that an empty cell clears; `all` stands for all that columns fill.
    #[schema(value_type = Vec<String>, required = false)]
    clear_empty: Option<Vec<String>>,
}

impl ImportRunBody {
    /// Returns the plan of the import and the format of its file.
    ///
    /// # Errors
    /// 422 if the options cannot be used.
    pub(super) fn plan(self, file_name: &str) -> Result<(ImportPlan, FileFormat), Problem> {
        let format = self.format.unwrap_or_else(|| format_of(file_name));
        let mut options = self.options;
        if let Some(Mapping(map)) = self.mapping {
            if !options.map.is_empty() {
                let reason = "the same as `/options/map`; leave one of them out".to_owned();
                return Err(Problem::field(
                    ProblemKind::InvalidField,
                    "/mapping",
                    reason,
                ));
            }
            options.map = map;
        }
        let options = serde_json::to_value(&options).map_err(|error| {
            Problem::field(ProblemKind::InvalidField, "/options", error.to_string())
        })?;
        let preset = self.preset.map(|PresetName(name)| name);
        let plan = ImportPlan {
            kind: self.kind,
            preset,
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

//! Detection of the layout of an uploaded file from its beginning.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use domain::ImportKind;
use importer::{
    Delimiter, FileFormat, ImportOptions, ImportTask, Layout, OptionNames, binary_format,
};
use serde_json::{Map, Value};

use super::body::format_of;
use super::detected::DetectedLayout;
use super::run::resource;
use crate::http::problem::{Problem, ProblemKind};

/// Kinds of data in the order in which they are tried: the last one requires the fewest
/// fields.
const KINDS: [ImportKind; 3] = [
    ImportKind::Orders,
    ImportKind::Events,
    ImportKind::Customers,
];

/// Separators that are tried if no layout is known.
const DELIMITERS: [Option<Delimiter>; 3] = [
    None,
    Some(Delimiter::Byte(b';')),
    Some(Delimiter::Byte(b'\t')),
];

/// Detects the layout of a file. Returns it as JSON, or `None` if the file can be read
/// neither as a table nor as NDJSON.
///
/// # Errors
/// 422 if the file is not text in any encoding, 500 if it cannot be read.
pub(super) async fn detect(file: PathBuf, file_name: &str) -> Result<Option<String>, Problem> {
    let format = format_of(file_name);
    let detect = move || {
        require_text(&file)?;
        Ok::<_, Problem>(match format {
            FileFormat::Ndjson => Some(ndjson(&file)),
            FileFormat::Csv => table(&file),
        })
    };
    let detected = tokio::task::spawn_blocking(detect).await.map_err(|error| {
        tracing::error!(%error, "detecting the layout of a file panicked");
        Problem::internal()
    })?;
    Ok(detected?.and_then(|layout| serde_json::to_string(&layout).ok()))
}

/// Refuses workbooks and archives.
fn require_text(file: &Path) -> Result<(), Problem> {
    let mut head = Vec::new();
    let read = File::open(file).and_then(|file| file.take(16).read_to_end(&mut head));
    read.map_err(|error: io::Error| {
        tracing::error!(%error, "an uploaded file cannot be read");
        Problem::internal()
    })?;
    match binary_format(&head) {
        Some(reason) => Err(Problem::field(
            ProblemKind::InvalidField,
            "/file",
            reason.to_owned(),
        )),
        None => Ok(()),
    }
}

fn table(file: &Path) -> Option<DetectedLayout> {
    for kind in KINDS {
        let task = task(file, kind, FileFormat::Csv, None);
        match task.layout().ok()? {
            Layout::Mapped => {
                let layout = unknown(FileFormat::Csv).with_columns(task.columns().ok()?);
                return Some(DetectedLayout {
                    kind: Some(kind),
                    ..layout
                });
            }
            Layout::Detected(detected) => {
                let delimiter = detected.delimiter;
                let kind = KINDS
                    .into_iter()
                    .find(|kind| resource(*kind) == detected.preset.resource);
                let task = self::task(file, ImportKind::Orders, FileFormat::Csv, delimiter);
                let layout = unknown(FileFormat::Csv).with_columns(task.columns().ok()?);
                return Some(DetectedLayout {
                    preset: Some(detected.preset.name.clone()),
                    title: Some(detected.preset.title.clone()),
                    kind,
                    options: Some(with_delimiter(delimiter)),
                    ..layout
                });
            }
            Layout::Unknown => {}
        }
    }
    unknown_table(file)
}

/// Returns the columns of a table whose layout is not known, with the separator that makes
/// the most of them.
fn unknown_table(file: &Path) -> Option<DetectedLayout> {
    let columns_of = |delimiter| {
        let task = task(file, ImportKind::Orders, FileFormat::Csv, delimiter);
        task.columns().ok().map(|columns| (delimiter, columns))
    };
    let candidates = DELIMITERS.into_iter().rev().filter_map(columns_of);
    let (delimiter, columns) = candidates.max_by_key(|(_, columns)| columns.len())?;
    Some(DetectedLayout {
        options: Some(with_delimiter(delimiter)),
        ..unknown(FileFormat::Csv).with_columns(columns)
    })
}

/// Returns the members of the first object of NDJSON, and the kind whose id it has. Without
/// an object, only the format is known, from the name of the file.
fn ndjson(file: &Path) -> DetectedLayout {
    let task = task(file, ImportKind::Orders, FileFormat::Ndjson, None);
    let first = task.first_object().ok().flatten();
    let object: Map<String, Value> = first
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    let ids = [
        ("order_id", ImportKind::Orders),
        ("event_id", ImportKind::Events),
        ("customer_id", ImportKind::Customers),
    ];
    let kind = ids.into_iter().find(|(id, _)| object.contains_key(*id));
    let layout = unknown(FileFormat::Ndjson).with_columns(object.keys().cloned().collect());
    DetectedLayout {
        kind: kind.map(|(_, kind)| kind),
        ..layout
    }
}

/// Returns a layout of which only the format is known.
fn unknown(format: FileFormat) -> DetectedLayout {
    DetectedLayout {
        preset: None,
        title: None,
        kind: None,
        format,
        column_count: 0,
        columns: Some(Vec::new()),
        options: Some(ImportOptions::default()),
    }
}

fn with_delimiter(delimiter: Option<Delimiter>) -> ImportOptions {
    ImportOptions {
        delimiter,
        ..ImportOptions::default()
    }
}

/// Returns a task that only reads the header.
fn task(
    file: &Path,
    kind: ImportKind,
    format: FileFormat,
    delimiter: Option<Delimiter>,
) -> ImportTask {
    ImportTask {
        file: file.to_owned(),
        resource: resource(kind),
        format,
        options: with_delimiter(delimiter),
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

    fn of(text: &str) -> Option<DetectedLayout> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        table(file.path())
    }

    #[test]
    fn columns_with_the_names_of_fields_tell_the_kind() {
        for (header, kind) in [
            (
                "order_id,customer_id,amount,currency,placed_at\n",
                ImportKind::Orders,
            ),
            (
                "event_id,customer_id,name,occurred_at\n",
                ImportKind::Events,
            ),
            ("customer_id,email\n", ImportKind::Customers),
        ] {
            let layout = of(header).unwrap();
            assert_eq!((layout.kind, layout.preset), (Some(kind), None), "{header}");
        }
    }

    #[test]
    fn an_unknown_table_has_its_columns() {
        let layout = of("Rechnung;Kunde;Betrag\n1;2;3\n").unwrap();
        assert_eq!((layout.kind, layout.preset), (None, None));
        assert_eq!(layout.columns.unwrap(), ["Rechnung", "Kunde", "Betrag"]);
        assert_eq!(
            layout.options.unwrap().delimiter,
            Some(Delimiter::Byte(b';'))
        );
    }

    #[test]
    fn the_names_of_columns_are_kept_up_to_a_limit() {
        let names = |count: usize, bytes: usize| (0..count).map(|_| "x".repeat(bytes)).collect();
        for (count, bytes, kept) in [(3, 10, 3), (3_000, 1, 2_000), (3, 40_000, 1)] {
            let layout = unknown(FileFormat::Csv).with_columns(names(count, bytes));
            assert_eq!(layout.column_count, count);
            assert_eq!(layout.columns.unwrap().len(), kept);
        }
    }

    #[test]
    fn ndjson_has_the_members_of_its_first_object() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "{\"customer_id\":\"c-1\",\"order_id\":\"o-1\"}\n",
        )
        .unwrap();
        let layout = ndjson(file.path());
        assert_eq!(layout.kind, Some(ImportKind::Orders));
        std::fs::write(file.path(), "[1]\n").unwrap();
        let layout = ndjson(file.path());
        assert_eq!((layout.kind, layout.format), (None, FileFormat::Ndjson));
    }
}

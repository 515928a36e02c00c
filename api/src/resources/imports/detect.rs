//! Detection of the layout of an uploaded file from its beginning.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use domain::ImportKind;
use importer::{Delimiter, FileFormat, ImportOptions, ImportTask, Layout};
use serde_json::{Map, Value};

use super::answer::DetectedLayout;
use super::body::format_of;
use super::run::resource;
use crate::http::problem::Problem;

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

/// Maximum length of the first line of NDJSON that is read, in bytes.
const MAX_LINE: u64 = 64 * 1024;

/// Detects the layout of a file. Returns it as JSON, or `None` if the file can be read
/// neither as a table nor as NDJSON.
///
/// # Errors
/// 500 if reading the file panicked.
pub(super) async fn detect(file: PathBuf, file_name: &str) -> Result<Option<String>, Problem> {
    let format = format_of(file_name);
    let detect = move || match format {
        FileFormat::Ndjson => ndjson(&file),
        FileFormat::Csv => table(&file),
    };
    let detected = tokio::task::spawn_blocking(detect).await.map_err(|error| {
        tracing::error!(%error, "detecting the layout of a file panicked");
        Problem::internal()
    })?;
    Ok(detected.and_then(|layout| serde_json::to_string(&layout).ok()))
}

fn table(file: &Path) -> Option<DetectedLayout> {
    for kind in KINDS {
        let task = task(file, kind, FileFormat::Csv, None);
        match task.layout().ok()? {
            Layout::Mapped => {
                return Some(DetectedLayout {
                    preset: None,
                    title: None,
                    kind: Some(kind),
                    format: FileFormat::Csv,
                    columns: task.columns().ok()?,
                    options: ImportOptions::default(),
                });
            }
            Layout::Detected(detected) => {
                let delimiter = detected.delimiter;
                let kind = KINDS
                    .into_iter()
                    .find(|kind| resource(*kind) == detected.preset.resource);
                return Some(DetectedLayout {
                    preset: Some(detected.preset.name.clone()),
                    title: Some(detected.preset.title.clone()),
                    kind,
                    format: FileFormat::Csv,
                    columns: self::task(file, ImportKind::Orders, FileFormat::Csv, delimiter)
                        .columns()
                        .ok()?,
                    options: with_delimiter(delimiter),
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
        preset: None,
        title: None,
        kind: None,
        format: FileFormat::Csv,
        columns,
        options: with_delimiter(delimiter),
    })
}

/// Returns the members of the first object of NDJSON, and the kind whose id it has.
fn ndjson(file: &Path) -> Option<DetectedLayout> {
    let mut line = String::new();
    let file = File::open(file).ok()?;
    let read: io::Result<usize> = BufReader::new(file.take(MAX_LINE)).read_line(&mut line);
    read.ok()?;
    let object: Map<String, Value> = serde_json::from_str(&line).ok()?;
    let ids = [
        ("order_id", ImportKind::Orders),
        ("event_id", ImportKind::Events),
        ("customer_id", ImportKind::Customers),
    ];
    let kind = ids.into_iter().find(|(id, _)| object.contains_key(*id));
    Some(DetectedLayout {
        preset: None,
        title: None,
        kind: kind.map(|(_, kind)| kind),
        format: FileFormat::Ndjson,
        columns: object.keys().cloned().collect(),
        options: ImportOptions::default(),
    })
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
        assert_eq!(layout.columns, ["Rechnung", "Kunde", "Betrag"]);
        assert_eq!(layout.options.delimiter, Some(Delimiter::Byte(b';')));
    }

    #[test]
    fn ndjson_has_the_members_of_its_first_object() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "{\"customer_id\":\"c-1\",\"order_id\":\"o-1\"}\n",
        )
        .unwrap();
        let layout = ndjson(file.path()).unwrap();
        assert_eq!(layout.kind, Some(ImportKind::Orders));
        std::fs::write(file.path(), "[1]\n").unwrap();
        assert!(ndjson(file.path()).is_none());
    }
}

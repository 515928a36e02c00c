//! Source of objects for the API: a file's records with their places, valid or refused.

use std::io;
use std::path::Path;

use super::fields::Resource;
use super::lines::FilePosition;
use super::mapping::Mapping;
use super::ndjson::Ndjson;
use super::options::{FileFormat, ImportOptions};
use super::record::Record;
use super::table::Table;

/// Source file in one of the supported formats.
pub(super) enum Source {
    Ndjson(Ndjson),
    Table {
        table: Box<Table>,
        mapping: Box<Mapping>,
    },
}

impl Source {
    /// Opens the file and reads its header.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, or if an option does not fit the format, the
    /// columns or the resource.
    pub(super) fn open(
        path: &Path,
        resource: Resource,
        format: FileFormat,
        options: &ImportOptions,
    ) -> anyhow::Result<Self> {
        if format == FileFormat::Ndjson {
            anyhow::ensure!(
                *options == ImportOptions::default(),
                "NDJSON is sent unchanged: {} apply to tables only",
                "--delimiter, --no-header, --map, --set, --id, --amount-unit and --date-format"
            );
            return Ok(Self::Ndjson(Ndjson::open(path, resource.id_field())?));
        }
        let table = Table::open(path, options.delimiter, !options.no_header)?;
        let mapping = Mapping::new(resource, options, table.columns())?;
        Ok(Self::Table {
            table: Box::new(table),
            mapping: Box::new(mapping),
        })
    }

    pub(super) fn at(&self) -> FilePosition {
        match self {
            Self::Ndjson(ndjson) => ndjson.at(),
            Self::Table { table, .. } => table.at(),
        }
    }

    /// Moves to a position that an earlier run has reached.
    pub(super) fn seek(&mut self, to: FilePosition) -> io::Result<()> {
        match self {
            Self::Ndjson(ndjson) => ndjson.seek(to),
            Self::Table { table, .. } => table.seek(to),
        }
    }

    /// Reads the next record, and appends its object to `out` if it is valid. Skips blank lines.
    /// Returns `None` at the end of the file.
    pub(super) fn next(&mut self, out: &mut Vec<u8>) -> io::Result<Option<Record>> {
        match self {
            Self::Ndjson(ndjson) => ndjson.next(out),
            Self::Table { table, mapping } => {
                let Some((place, row)) = table.next()? else {
                    return Ok(None);
                };
                let result = row.and_then(|cells| mapping.render(cells, place.line, out));
                Ok(Some(Record { place, result }))
            }
        }
    }
}

//! Source of objects for the API: a file's records with their places, valid or refused.

use std::io;
use std::path::Path;

use super::columns::Columns;
use super::encoding::TextEncoding;
use super::fields::Resource;
use super::lines::FilePosition;
use super::mapping::Mapping;
use super::ndjson::Ndjson;
use super::options::{FileFormat, ImportOptions};
use super::orders::Gathering;
use super::presets::Preset;
use super::record::{Record, RowNotes};
use super::rows::TableRecords;
use super::table::Table;

/// Source file in one of the supported formats.
pub(super) enum Source {
    Ndjson(Ndjson),
    Table(Box<TableRecords>),
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
        preset: Option<&Preset>,
    ) -> anyhow::Result<Self> {
        if format == FileFormat::Ndjson {
            let applicable = ImportOptions {
                encoding: options.encoding,
                last_wins: options.last_wins,
                ..ImportOptions::default()
            };
            anyhow::ensure!(
                *options == applicable && preset.is_none(),
                "NDJSON is sent unchanged: of the options for tables, only --encoding and \
                 --last-wins apply"
            );
            let ndjson = Ndjson::open(path, options.encoding, resource.id_field())?;
            return Ok(Self::Ndjson(ndjson));
        }
        let reading = preset.map_or_else(|| Ok(options.clone()), |preset| preset.with(options))?;
        let header = !reading.no_header;
        let table = Table::open(path, reading.encoding, reading.delimiter, header)?;
        let columns = Columns::new(table.columns(), table.delimiter());
        let options = &match preset {
            Some(preset) => preset.applied(options, columns)?,
            None => reading,
        };
        let mapping = Mapping::new(resource, options, columns)?;
        let gathering = (resource == Resource::Orders).then(|| Gathering {
            first_row: options.first_row.clone(),
            last_wins: options.last_wins,
        });
        let records = TableRecords::new(table, mapping, gathering);
        Ok(Self::Table(Box::new(records)))
    }

    /// Returns the encoding of the file.
    pub(super) fn encoding(&self) -> TextEncoding {
        match self {
            Self::Ndjson(ndjson) => ndjson.encoding(),
            Self::Table(records) => records.encoding(),
        }
    }

    /// Returns what was noted about the rows since the last call.
    pub(super) fn take_notes(&self) -> RowNotes {
        match self {
            Self::Ndjson(_) => RowNotes::default(),
            Self::Table(records) => records.take_notes(),
        }
    }

    /// Returns the position at which the next record begins.
    pub(super) fn at(&self) -> FilePosition {
        match self {
            Self::Ndjson(ndjson) => ndjson.at(),
            Self::Table(records) => records.at(),
        }
    }

    /// Moves to a position that an earlier run has reached.
    pub(super) fn seek(&mut self, to: FilePosition) -> io::Result<()> {
        match self {
            Self::Ndjson(ndjson) => ndjson.seek(to),
            Self::Table(records) => records.seek(to),
        }
    }

    /// Reads the next record, and appends its object to `out` if it is valid. Skips blank lines.
    /// Returns `None` at the end of the file.
    pub(super) fn next(&mut self, out: &mut Vec<u8>) -> io::Result<Option<Record>> {
        match self {
            Self::Ndjson(ndjson) => ndjson.next(out),
            Self::Table(records) => records.next(out),
        }
    }
}

//! Source of objects for the API: a file's records with their places, valid or refused.

use std::io;
use std::path::Path;

use super::columns::Columns;
use super::encoding::{EncodingChoice, LineEncoding};
use super::error::LayoutError;
use super::fields::Resource;
use super::fit::Fit;
use super::lines::FilePosition;
use super::mapping::Mapping;
use super::ndjson::Ndjson;
use super::options::{FileFormat, ImportOptions, Pair};
use super::orders::Gathering;
use super::presets::Preset;
use super::record::{MAX_OBJECT, Reason, Record, RecordContent, RowNotes};
use super::rows::TableRecords;
use super::table::Table;

/// Source file.
pub(super) struct Source {
    records: Records,
    /// Of records with one id, the last one wins.
    pub(super) last_wins: bool,
    /// Fields of the preset whose columns the file lacks.
    pub(super) left_out: Vec<Pair>,
}

/// Records in one of the supported formats.
enum Records {
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
        given: &ImportOptions,
        preset: Option<&Preset>,
    ) -> Result<Self, LayoutError> {
        match format {
            FileFormat::Ndjson => Self::open_ndjson(path, resource, given, preset.is_some()),
            FileFormat::Csv => Self::open_table(path, resource, given, preset),
        }
    }

    fn open_ndjson(
        path: &Path,
        resource: Resource,
        given: &ImportOptions,
        has_preset: bool,
    ) -> Result<Self, LayoutError> {
        let applicable = ImportOptions {
            encoding: given.encoding,
            last_wins: given.last_wins,
            ..ImportOptions::default()
        };
        if *given != applicable || has_preset {
            return Err(LayoutError::Wrong(
                "NDJSON is sent unchanged: of the options for tables, only --encoding and \
                 --last-wins apply"
                    .into(),
            ));
        }
        let encoding = EncodingChoice::stated(given.encoding);
        let ndjson = Ndjson::open(path, encoding, resource.id_field())?;
        Ok(Self {
            records: Records::Ndjson(ndjson),
            last_wins: given.last_wins,
            left_out: Vec::new(),
        })
    }

    fn open_table(
        path: &Path,
        resource: Resource,
        given: &ImportOptions,
        preset: Option<&Preset>,
    ) -> Result<Self, LayoutError> {
        let reading = preset.map_or_else(|| Ok(given.clone()), |preset| preset.with(given))?;
        // A program may have saved the export as UTF-8 since.
        let encoding = match given.encoding {
            None => EncodingChoice::of_other_lines(reading.encoding),
            stated => EncodingChoice::stated(stated),
        };
        let mut table = Table::open(path, encoding, reading.delimiter, !reading.no_header)?;
        let of_preset = preset.map(|preset| &preset.empty).into_iter().flatten();
        let empty = of_preset.chain(&given.empty);
        table.treat_as_empty(empty.map(|text| text.trim().to_owned()).collect());
        let columns = Columns::new(table.columns(), table.delimiter());
        let (options, left_out) = match preset {
            Some(preset) => {
                let applied = preset.applied(given, columns)?;
                (applied.options, applied.left_out)
            }
            None => (reading, Vec::new()),
        };
        let mapping = Mapping::new(resource, &options, given, columns)?;
        let gathering = (resource == Resource::Orders).then_some(Gathering {
            first_row: options.first_row,
            last_wins: options.last_wins,
        });
        Ok(Self {
            records: Records::Table(Box::new(TableRecords::new(table, mapping, gathering))),
            last_wins: options.last_wins,
            left_out,
        })
    }

    /// Returns how well the file fits what is told about it. Reads its first rows.
    pub(super) fn fit(mut self) -> io::Result<Fit> {
        let fit = match &mut self.records {
            Records::Ndjson(_) => Fit::default(),
            Records::Table(records) => records.fit()?,
        };
        Ok(Fit {
            left_out: self.left_out,
            ..fit
        })
    }

    /// Returns the encoding of the file.
    pub(super) fn encoding(&self) -> LineEncoding {
        match &self.records {
            Records::Ndjson(ndjson) => ndjson.encoding(),
            Records::Table(records) => records.encoding(),
        }
    }

    /// Returns true if rows have line items, so that several make an order.
    pub(super) fn has_line_items(&self) -> bool {
        match &self.records {
            Records::Ndjson(_) => false,
            Records::Table(records) => records.has_line_items(),
        }
    }

    /// Returns what was noted about the rows since the last call.
    pub(super) fn take_notes(&self) -> RowNotes {
        match &self.records {
            Records::Ndjson(_) => RowNotes::default(),
            Records::Table(records) => records.take_notes(),
        }
    }

    /// Returns the position at which the next record begins.
    pub(super) fn at(&self) -> FilePosition {
        match &self.records {
            Records::Ndjson(ndjson) => ndjson.at(),
            Records::Table(records) => records.at(),
        }
    }

    /// Moves to a position that an earlier run has reached.
    pub(super) fn seek(&mut self, to: FilePosition) -> io::Result<()> {
        match &mut self.records {
            Records::Ndjson(ndjson) => ndjson.seek(to),
            Records::Table(records) => records.seek(to),
        }
    }

    /// Reads the next record, and appends its object to `out` if it is valid. Skips blank lines.
    /// Returns `None` at the end of the file.
    pub(super) fn next(&mut self, out: &mut Vec<u8>) -> io::Result<Option<Record>> {
        let start = out.len();
        let record = match &mut self.records {
            Records::Ndjson(ndjson) => ndjson.next(out)?,
            Records::Table(records) => records.next(out)?,
        };
        let Some(mut record) = record else {
            return Ok(None);
        };
        if out.len() - start >= MAX_OBJECT {
            out.truncate(start);
            let reason = Reason::new("the object is larger than 15 MiB");
            record.content = RecordContent::Refused(reason);
        }
        Ok(Some(record))
    }
}

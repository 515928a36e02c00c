//! A file as a stream of objects for the API, each with its place, good or refused.

use std::io;
use std::path::Path;

use super::args::{Format, TableArgs};
use super::fields::Resource;
use super::lines::{Cursor, Place};
use super::mapping::Mapping;
use super::ndjson::Ndjson;
use super::table::Table;

/// One record of the source.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) place: Place,
    /// A hash of the item's id, if it has one; or why the record cannot be sent.
    pub(super) verdict: Result<Option<u64>, Reason>,
}

/// Why a record is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) text: String,
    /// The JSON pointer of the field at fault.
    pub(super) pointer: Option<String>,
}

/// A source file.
pub(super) enum Source {
    Ndjson(Ndjson),
    Table {
        table: Box<Table>,
        mapping: Box<Mapping>,
    },
}

impl Source {
    /// Opens the file and reads its header; an error says what does not fit together.
    pub(super) fn open(
        path: &Path,
        resource: Resource,
        format: Format,
        options: &TableArgs,
    ) -> anyhow::Result<Self> {
        if format == Format::Ndjson {
            anyhow::ensure!(
                *options == TableArgs::default(),
                "NDJSON is sent as it is: {} are for tables",
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

    pub(super) fn at(&self) -> Cursor {
        match self {
            Self::Ndjson(ndjson) => ndjson.at(),
            Self::Table { table, .. } => table.at(),
        }
    }

    /// Continues where an earlier reading was; a header is not read again.
    pub(super) fn seek(&mut self, to: Cursor) -> io::Result<()> {
        match self {
            Self::Ndjson(ndjson) => ndjson.seek(to),
            Self::Table { table, .. } => table.seek(to),
        }
    }

    /// Reads the next record, and appends its object to `out` if it is good. Blank lines are
    /// skipped. `None` at the end.
    pub(super) fn next(&mut self, out: &mut Vec<u8>) -> io::Result<Option<Record>> {
        match self {
            Self::Ndjson(ndjson) => ndjson.next(out),
            Self::Table { table, mapping } => {
                let Some((place, row)) = table.next()? else {
                    return Ok(None);
                };
                let verdict = row.and_then(|cells| mapping.render(cells, place.line, out));
                Ok(Some(Record { place, verdict }))
            }
        }
    }
}

impl Reason {
    /// A reason that is about the record as a whole.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            pointer: None,
        }
    }
}

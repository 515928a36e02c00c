//! Layout of a file: fields that the options or the header name, or the export of a known program.

use super::bindings::bindings;
use super::cells::Cells;
use super::columns::Columns;
use super::encoding::EncodingChoice;
use super::error::ImportError;
use super::fit::Fit;
use super::import::ImportTask;
use super::ndjson::Ndjson;
use super::options::{Delimiter, FileFormat};
use super::paths::require_regular_file;
use super::presets::Preset;
use super::record::RecordContent;
use super::table::Table;

/// Separators that are tried if none is given.
const DELIMITERS: [u8; 3] = *b",;\t";

/// Layout of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Layout {
    /// The options and the header say which column fills which field.
    Mapped,
    /// The header is that of an export that Patron knows.
    Detected(Detected),
    /// The columns are not known.
    Unknown,
}

/// Layout that was recognized by its header.
#[derive(Clone, Debug, PartialEq)]
pub struct Detected {
    /// Preset for the file.
    pub preset: &'static Preset,
    /// Separator of the columns, if it is not a comma.
    pub delimiter: Option<Delimiter>,
}

impl ImportTask {
    /// Returns how well the table fits what is told about it. Reads the header and the first rows.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, or an option does not fit.
    pub fn fit(&self) -> Result<Fit, ImportError> {
        let fit = self.open()?.fit();
        fit.map_err(ImportError::file("read", &self.file))
    }

    /// Returns the names of the columns of a table, as the options read its header.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read as a table.
    pub fn columns(&self) -> Result<Vec<String>, ImportError> {
        Ok(self.table(self.options.delimiter)?.columns().to_vec())
    }

    /// Returns the cells of the first rows of a table, as many as it has columns in each. Rows
    /// that do not fit the table are left out.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read as a table.
    pub fn first_rows(&self, rows: usize) -> Result<Vec<Vec<String>>, ImportError> {
        let mut table = self.table(self.options.delimiter)?;
        let mut first = Vec::new();
        for _ in 0..rows {
            let row = table
                .next()
                .map_err(ImportError::file("read", &self.file))?;
            let Some((_, row)) = row else {
                break;
            };
            first.extend(row.ok().map(Cells::names));
        }
        Ok(first)
    }

    /// Opens the file as a table with this delimiter.
    fn table(&self, delimiter: Option<Delimiter>) -> Result<Table, ImportError> {
        let encoding = EncodingChoice::stated(self.options.encoding);
        let has_header = !self.options.no_header;
        Table::open(&self.file, encoding, delimiter, has_header)
            .map_err(|reason| self.wrong_layout(reason))
    }

    /// Returns the first record of NDJSON as JSON; `None` if the file has none, or if it is not an
    /// object.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read as text.
    pub fn first_object(&self) -> Result<Option<String>, ImportError> {
        let id_field = self.resource.id_field();
        let mut object = Vec::new();
        let encoding = EncodingChoice::stated(self.options.encoding);
        let record = Ndjson::open(&self.file, encoding, id_field)
            .and_then(|mut ndjson| ndjson.next(&mut object))
            .map_err(|error| self.wrong_layout(error.into()))?;
        let is_valid = matches!(
            record.map(|record| record.content),
            Some(RecordContent::Item(_))
        );
        Ok(is_valid.then(|| String::from_utf8_lossy(&object).into_owned()))
    }

    /// Determines the layout of the file from its header. A layout is only detected if there is
    /// neither a preset nor a column for a field.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read.
    pub fn layout(&self) -> Result<Layout, ImportError> {
        let is_stated = self.preset.is_some() || !self.options.map.is_empty();
        if is_stated || self.format == FileFormat::Ndjson || self.options.no_header {
            return Ok(Layout::Mapped);
        }
        require_regular_file(&self.file)?;
        let given = self.options.delimiter;
        let others = DELIMITERS.map(|byte| Some(Delimiter::Byte(byte)));
        let candidates = if given.is_some() {
            vec![given]
        } else {
            [&[None], &others[1..]].concat()
        };
        for delimiter in candidates {
            let table = match self.table(delimiter) {
                Ok(table) => table,
                Err(_) if delimiter != given => continue,
                Err(error) => return Err(error),
            };
            let columns = Columns::new(table.columns(), table.delimiter());
            if delimiter == given && bindings(self.resource, &self.options, columns).is_ok() {
                return Ok(Layout::Mapped);
            }
            if let Some(preset) = Preset::detected(table.columns()) {
                return Ok(Layout::Detected(Detected { preset, delimiter }));
            }
        }
        Ok(Layout::Unknown)
    }
}

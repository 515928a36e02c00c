//! Preview of an import: the first objects, and everything that would be refused before sending.

use serde::Serialize;

use super::error::ImportError;
use super::import::ImportTask;
use super::journal::ImportCounts;
use super::record::{RecordContent, RefusedRecord};
use super::refusals::Refusals;
use super::unique::UniqueRecords;

/// What an import would send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// First objects, as JSON.
    pub first: Vec<String>,
    /// Number of objects that would be sent.
    pub sendable: u64,
    /// Counts of the other records.
    pub counts: ImportCounts,
    /// What would be refused before sending.
    pub refusals: Refusals,
}

impl ImportTask {
    /// Reads the whole file without sending or writing anything, and keeps this number of objects.
    /// Blocks.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, or an option does not fit.
    pub fn preview(&self, objects: usize) -> Result<Preview, ImportError> {
        let source = self.open()?;
        let mut records = UniqueRecords::new(source, self.resource);
        let mut preview = Preview::default();
        let mut object = Vec::new();
        loop {
            object.clear();
            let read = records.next(&mut object);
            let Some(record) = read.map_err(ImportError::file("read", &self.file))? else {
                break;
            };
            preview.counts.read += 1;
            preview.counts.rows += u64::from(record.rows.count);
            match record.content {
                RecordContent::Item(_) => {
                    preview.sendable += 1;
                    if preview.first.len() < objects {
                        let text = String::from_utf8_lossy(&object);
                        preview.first.push(text.into_owned());
                    }
                }
                RecordContent::Skipped => preview.counts.skipped += 1,
                RecordContent::Repeated => preview.counts.repeated += 1,
                RecordContent::Refused(reason) => {
                    preview.counts.refused += 1;
                    let rows = record.rows;
                    preview.refusals.add(&RefusedRecord { rows, reason });
                }
            }
        }
        preview.counts.notes = records.take_notes();
        Ok(preview)
    }
}

#[cfg(test)]
#[path = "preview_tests.rs"]
mod tests;

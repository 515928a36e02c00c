//! Records of a source, each id once: repetitions are left out, contradictions are refused.

use std::io;

use super::fields::Resource;
use super::lines::FilePosition;
use super::record::{Reason, Record, RecordContent, RowNotes};
use super::seen::{SeenIds, Sighting};
use super::source::Source;

/// Source whose records are compared with the earlier ones of the file.
pub(super) struct UniqueRecords {
    source: Source,
    resource: Resource,
    /// `None` if the last record of an id wins.
    seen: Option<SeenIds>,
}

impl UniqueRecords {
    pub(super) fn new(source: Source, resource: Resource) -> Self {
        Self {
            seen: (!source.last_wins).then(SeenIds::new),
            source,
            resource,
        }
    }

    pub(super) fn at(&self) -> FilePosition {
        self.source.at()
    }

    /// Returns what was noted about the rows since the last call.
    pub(super) fn take_notes(&self) -> RowNotes {
        self.source.take_notes()
    }

    /// Continues at a position that an earlier run has reached. Reads everything before it, so that
    /// its ids are known, and whether the row before an order could be read.
    pub(super) fn continue_at(&mut self, to: FilePosition) -> io::Result<()> {
        if self.seen.is_none() && !self.source.has_line_items() {
            return self.source.seek(to);
        }
        let mut out = Vec::new();
        while self.source.at() < to {
            out.clear();
            if self.next(&mut out)?.is_none() {
                break;
            }
        }
        // They are in the journal.
        self.take_notes();
        Ok(())
    }

    /// Reads the next record, and appends its object to `out` if it is to be sent. Returns `None`
    /// at the end of the file.
    pub(super) fn next(&mut self, out: &mut Vec<u8>) -> io::Result<Option<Record>> {
        let start = out.len();
        let Some(mut record) = self.source.next(out)? else {
            return Ok(None);
        };
        let line = record.rows.place.line;
        match (&mut self.seen, &record.content, record.order) {
            (Some(seen), RecordContent::Item(Some(identity)), _) => {
                match seen.insert(*identity, line) {
                    Sighting::New => {}
                    Sighting::Repeated(_) => record.content = RecordContent::Repeated,
                    Sighting::Contradicting(line) => {
                        record.content = RecordContent::Refused(self.contradiction(line));
                    }
                    Sighting::Unsent(line) => {
                        record.content = RecordContent::Refused(self.part_of_unsent(line));
                    }
                }
                if !matches!(record.content, RecordContent::Item(_)) {
                    out.truncate(start);
                }
            }
            // Further rows of the order would otherwise be sent as an order with a part of its
            // items.
            (Some(seen), RecordContent::Refused(_) | RecordContent::Skipped, Some(order)) => {
                seen.insert_unsent(order, line);
            }
            _ => {}
        }
        Ok(Some(record))
    }

    fn part_of_unsent(&self, line: u32) -> Reason {
        let id = self.resource.id_field();
        Reason {
            text: format!(
                "the order that begins on line {line} of the file has the same {id} and is not \
                 sent; rows of one order must follow each other"
            ),
            pointer: Some(format!("/{id}")),
        }
    }

    fn contradiction(&self, line: u32) -> Reason {
        let id = self.resource.id_field();
        let adjacent = match self.resource {
            Resource::Orders => ", and rows of one order must follow each other",
            Resource::Customers | Resource::Events => "",
        };
        Reason {
            text: format!(
                "line {line} of the file has the same {id} and other content{adjacent}; \
                 --last-wins takes the last row of an id"
            ),
            pointer: Some(format!("/{id}")),
        }
    }
}

#[cfg(test)]
#[path = "unique_tests.rs"]
mod tests;

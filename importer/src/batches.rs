//! Splitting of the source into requests.

use std::collections::HashSet;
use std::io;

use tokio::sync::mpsc;

use super::lines::FilePosition;
use super::record::{MAX_OBJECT, Record, RecordContent, RefusedRecord, RowNotes, Rows};
use super::unique::UniqueRecords;

/// Part of the source that is sent in one request.
#[derive(Debug, Default)]
pub(super) struct ImportBatch {
    /// Body of the request, as NDJSON.
    pub(super) body: Vec<u8>,
    /// Hashes of the items' ids.
    pub(super) ids: HashSet<u64>,
    pub(super) records: BatchRecords,
}

/// Records of a batch, without its body.
#[derive(Debug, Default)]
pub(super) struct BatchRecords {
    /// Rows of each item of the body.
    pub(super) items: Vec<Rows>,
    /// Records that cannot be sent.
    pub(super) refused: Vec<RefusedRecord>,
    /// Number of records that are left out on request.
    pub(super) skipped: u64,
    /// Number of records that an earlier one of the file equals.
    pub(super) repeated: u64,
    /// Number of rows of all these records.
    pub(super) rows: u64,
    /// What was noted about the rows.
    pub(super) notes: RowNotes,
    /// Position in the file after this batch.
    pub(super) end: FilePosition,
}

/// Iterator over the batches of a source.
pub(super) struct Batches {
    source: UniqueRecords,
    max_records: usize,
    /// Record that did not fit into the previous batch, with its object.
    carried: Option<(Record, Vec<u8>)>,
}

impl Batches {
    pub(super) fn new(source: UniqueRecords, max_records: usize) -> Self {
        Self {
            source,
            max_records,
            carried: None,
        }
    }

    /// Reads batches on a separate thread, one batch ahead. Sends `None` at the end of the file.
    /// After an error the channel ends.
    pub(super) fn spawn(mut self) -> mpsc::Receiver<io::Result<Option<ImportBatch>>> {
        let (sender, receiver) = mpsc::channel(1);
        std::thread::spawn(move || {
            loop {
                let batch = self.next_batch();
                let is_last = !matches!(batch, Ok(Some(_)));
                if sender.blocking_send(batch).is_err() || is_last {
                    return;
                }
            }
        });
        receiver
    }

    fn next_batch(&mut self) -> io::Result<Option<ImportBatch>> {
        let mut batch = ImportBatch::default();
        if let Some((record, object)) = self.carried.take() {
            batch.body.extend_from_slice(&object);
            batch.add(record, 0);
        }
        while batch.records.count() < self.max_records {
            let before = self.source.at();
            let start = batch.body.len();
            let Some(record) = self.source.next(&mut batch.body)? else {
                break;
            };
            if batch.body.len() >= MAX_OBJECT {
                self.carried = Some((record, batch.body.split_off(start)));
                batch.records.notes = self.source.take_notes();
                batch.records.end = before;
                return Ok(Some(batch));
            }
            batch.add(record, start);
        }
        batch.records.notes = self.source.take_notes();
        batch.records.end = self.source.at();
        Ok((batch.records.count() > 0).then_some(batch))
    }
}

impl ImportBatch {
    /// Returns true if an item has one of these ids, so that the order of the requests matters.
    pub(super) fn shares_an_id(&self, ids: &HashSet<u64>) -> bool {
        !self.ids.is_disjoint(ids)
    }

    fn add(&mut self, record: Record, start: usize) {
        let Record { rows, content, .. } = record;
        let records = &mut self.records;
        records.rows += u64::from(rows.count);
        match content {
            RecordContent::Item(identity) => {
                debug_assert!(self.body.len() > start, "a valid record appends an object");
                self.body.push(b'\n');
                self.ids.extend(identity.map(|identity| identity.id));
                records.items.push(rows);
            }
            RecordContent::Refused(reason) => records.refused.push(RefusedRecord { rows, reason }),
            RecordContent::Skipped => records.skipped += 1,
            RecordContent::Repeated => records.repeated += 1,
        }
    }
}

impl BatchRecords {
    /// Returns the number of records, including those that are not sent.
    pub(super) fn count(&self) -> usize {
        self.items.len() + self.refused.len() + (self.skipped + self.repeated) as usize
    }
}

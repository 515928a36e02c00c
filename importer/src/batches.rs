//! Splitting of the source into requests.

use std::collections::HashSet;
use std::io;

use tokio::sync::mpsc;

use super::lines::{FilePosition, Place};
use super::record::{Reason, Record, RefusedRecord};
use super::source::Source;

/// Maximum size of a body, in bytes. The API accepts 16 MiB.
const MAX_BODY: usize = 15 << 20;

/// Part of the source that is sent in one request.
#[derive(Debug, Default)]
pub(super) struct ImportBatch {
    /// Body of the request, as NDJSON.
    pub(super) body: Vec<u8>,
    /// Place of each item of the body in the file.
    pub(super) places: Vec<Place>,
    /// Hashes of the items' ids.
    pub(super) ids: HashSet<u64>,
    /// Records that cannot be sent.
    pub(super) refused: Vec<RefusedRecord>,
    /// Position in the file after this batch.
    pub(super) end: FilePosition,
}

/// Iterator over the batches of a source.
pub(super) struct Batches {
    source: Source,
    max_records: usize,
    /// Record that did not fit into the previous batch, with its object.
    carried: Option<(Record, Vec<u8>)>,
}

impl Batches {
    pub(super) fn new(source: Source, max_records: usize) -> Self {
        Self {
            source,
            max_records,
            carried: None,
        }
    }

    /// Reads batches on a separate thread, one batch ahead. After an error the channel ends.
    pub(super) fn spawn(mut self) -> mpsc::Receiver<io::Result<ImportBatch>> {
        let (sender, receiver) = mpsc::channel(1);
        std::thread::spawn(move || {
            while let Some(batch) = self.next_batch().transpose() {
                let is_last = batch.is_err();
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
        while batch.records() < self.max_records {
            let before = self.source.at();
            let start = batch.body.len();
            let Some(mut record) = self.source.next(&mut batch.body)? else {
                break;
            };
            if batch.body.len() - start >= MAX_BODY {
                batch.body.truncate(start);
                record.result = Err(Reason::new("the object is larger than 15 MiB"));
            } else if batch.body.len() >= MAX_BODY {
                self.carried = Some((record, batch.body.split_off(start)));
                batch.end = before;
                return Ok(Some(batch));
            }
            batch.add(record, start);
        }
        batch.end = self.source.at();
        Ok((batch.records() > 0).then_some(batch))
    }
}

impl ImportBatch {
    /// Returns true if an item has one of these ids, so that the order of the requests matters.
    pub(super) fn shares_an_id(&self, ids: &HashSet<u64>) -> bool {
        !self.ids.is_disjoint(ids)
    }

    /// Returns the number of records, including those that cannot be sent.
    pub(super) fn records(&self) -> usize {
        self.places.len() + self.refused.len()
    }

    fn add(&mut self, record: Record, start: usize) {
        let Record { place, result } = record;
        match result {
            Ok(id) => {
                debug_assert!(self.body.len() > start, "a valid record appends an object");
                self.body.push(b'\n');
                self.places.push(place);
                self.ids.extend(id);
            }
            Err(reason) => self.refused.push(RefusedRecord { place, reason }),
        }
    }
}

//! Cutting the source into requests.

use std::collections::HashSet;
use std::io;

use tokio::sync::mpsc;

use super::lines::{Cursor, Place};
use super::source::{Reason, Record, Source};

/// The largest body that is sent, in bytes; the API takes 16 MiB.
const MAX_BODY: usize = 15 << 20;

/// One request's worth of the source.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// NDJSON.
    pub(super) body: Vec<u8>,
    /// Where each item of the body came from.
    pub(super) places: Vec<Place>,
    /// Hashes of the items' ids.
    pub(super) ids: HashSet<u64>,
    /// The records that cannot be sent.
    pub(super) refused: Vec<Refusal>,
    /// How far the source is done once this batch is.
    pub(super) end: Cursor,
}

/// A record that was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) place: Place,
    pub(super) reason: Reason,
}

/// The batches of a source, in order.
pub(super) struct Batches {
    source: Source,
    max_records: usize,
    /// A record that was one too large for the batch before, with its object.
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

    /// Reads ahead in a thread of its own, one batch at a time. An error of the file comes last.
    pub(super) fn spawn(mut self) -> mpsc::Receiver<io::Result<Batch>> {
        let (sender, receiver) = mpsc::channel(1);
        std::thread::spawn(move || {
            while let Some(batch) = self.next_batch().transpose() {
                let last = batch.is_err();
                if sender.blocking_send(batch).is_err() || last {
                    return;
                }
            }
        });
        receiver
    }

    fn next_batch(&mut self) -> io::Result<Option<Batch>> {
        let mut batch = Batch::default();
        if let Some((record, object)) = self.carried.take() {
            batch.body.extend_from_slice(&object);
            batch.add(record, 0);
        }
        while batch.places.len() + batch.refused.len() < self.max_records {
            let before = self.source.at();
            let start = batch.body.len();
            let Some(mut record) = self.source.next(&mut batch.body)? else {
                break;
            };
            if batch.body.len() - start >= MAX_BODY {
                batch.body.truncate(start);
                record.verdict = Err(Reason::new("the object is larger than 15 MiB"));
            } else if batch.body.len() >= MAX_BODY {
                self.carried = Some((record, batch.body.split_off(start)));
                batch.end = before;
                return Ok(Some(batch));
            }
            batch.add(record, start);
        }
        batch.end = self.source.at();
        Ok((!batch.is_empty()).then_some(batch))
    }
}

impl Batch {
    /// Whether an item of both has the same id, so that their order matters.
    pub(super) fn shares_an_id(&self, ids: &HashSet<u64>) -> bool {
        !self.ids.is_disjoint(ids)
    }

    /// How many records it stands for.
    pub(super) fn records(&self) -> usize {
        self.places.len() + self.refused.len()
    }

    fn is_empty(&self) -> bool {
        self.records() == 0
    }

    fn add(&mut self, record: Record, start: usize) {
        let Record { place, verdict } = record;
        match verdict {
            Ok(id) => {
                debug_assert!(self.body.len() > start, "a good record leaves an object");
                self.body.push(b'\n');
                self.places.push(place);
                self.ids.extend(id);
            }
            Err(reason) => self.refused.push(Refusal { place, reason }),
        }
    }
}

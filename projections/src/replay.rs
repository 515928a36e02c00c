//! Reading the log for what no view keeps: customers as they were, a
//! campaign's messages from the log itself.

use chrono_tz::Tz;
use eventlog::{Entry, Log, LogError, Partition, Position};

use crate::customers::{CustomerDocument, Customers};
use crate::view::View;
use crate::{EntryReader, LongRead, ProjectError, ReadError, Recorded};

/// Entries read at once. They are decoded and folded in one go: with more, a
/// request that needs the same thread would wait noticeably.
const BATCH: u64 = 1_000;

/// Reads a partition from its beginning, as part of a long read.
pub(crate) struct Replay {
    log: Log,
    reading: LongRead,
    at: Position,
    reader: EntryReader,
}

impl Replay {
    pub(crate) fn of(log: &Log, partition: Partition, reading: &LongRead) -> Self {
        Self {
            log: log.clone(),
            reading: reading.clone(),
            at: Position {
                partition,
                number: 0,
            },
            reader: EntryReader::default(),
        }
    }

    /// How far it was read.
    pub(crate) fn at(&self) -> Position {
        self.at
    }

    /// The next events up to number `end`, of the entries that are wanted;
    /// perhaps none of many. `None` at `end`.
    ///
    /// # Errors
    /// [`ProjectError`] if the log does not answer, ends before `end`, or has
    /// what cannot be read.
    pub(crate) async fn next(
        &mut self,
        end: u64,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Result<Option<Vec<Recorded>>, ProjectError> {
        let left = end.saturating_sub(self.at.number);
        if left == 0 {
            return Ok(None);
        }
        let entries = self.log.read(self.at, left.min(BATCH) as usize).await?;
        let Some(last) = entries.last() else {
            let what = format!("it ends here, {end} entries were there before");
            return Err(LogError::Damaged { at: self.at, what }.into());
        };
        self.at = last.position;
        self.reading.count(entries.len() as u64);
        let mut events = Vec::with_capacity(entries.len());
        for entry in entries.into_iter().filter(wanted) {
            events.extend(read(&mut self.reader, entry)?);
        }
        Ok(Some(events))
    }
}

/// An entry as an event; `None` for what a newer program wrote, which live
/// views pass over too.
///
/// # Errors
/// [`ProjectError::Event`] for what cannot be read.
pub(crate) fn read(
    reader: &mut EntryReader,
    entry: Entry,
) -> Result<Option<Recorded>, ProjectError> {
    let position = entry.position;
    match reader.read(entry) {
        Ok(event) => Ok(Some(event)),
        Err(ReadError::Unknown(_)) => Ok(None),
        Err(error) => Err(cannot(position, error.to_string())),
    }
}

/// A customer after an event about them.
///
/// # Errors
/// [`ProjectError::Event`] for an event that contradicts the customer.
pub(crate) fn fold_customer(
    before: Option<CustomerDocument>,
    event: &Recorded,
    zone: Tz,
) -> Result<CustomerDocument, ProjectError> {
    let folded = Customers::fold_in_memory(before, event, zone);
    folded.map_err(|error| cannot(event.position, error.0))
}

fn cannot(position: Position, reason: String) -> ProjectError {
    ProjectError::Event {
        view: Customers::NAME,
        position,
        reason,
    }
}

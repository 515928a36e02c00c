//! Replay of the log for state that no view keeps: customers at an earlier
//! position, and the messages of a campaign.

use std::collections::{BTreeSet, HashMap};

use chrono_tz::Tz;
use domain::Timestamp;
use eventlog::{Entry, Log, LogError, Partition, Position};

use crate::runtime::decisions::SkippedEvents;
use crate::runtime::error::ProjectError;
use crate::runtime::long_read::LongRead;
use crate::runtime::recorded::subject_of;
use crate::runtime::recorded::{EntryReader, ReadError, Recorded};
use crate::runtime::view::View;
use crate::views::customers::{CustomerDocument, Customers};

/// Entries read at once. They are decoded and folded without yielding, so a
/// larger batch would delay requests that need the same thread.
const BATCH: u64 = 1_000;

/// Reader of a partition from its beginning, as part of a long read.
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

    /// Returns the position of the last entry read.
    pub(crate) fn at(&self) -> Position {
        self.at
    }

    /// Reads the next entries up to number `end` and returns those that are
    /// wanted, decoded. May return none of many entries. Returns `None` at
    /// `end`.
    ///
    /// # Errors
    /// [`ProjectError`] if the log does not answer or ends before `end`.
    pub(crate) async fn next(
        &mut self,
        end: u64,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Result<Option<Vec<Replayed>>, ProjectError> {
        let left = end.saturating_sub(self.at.number);
        if left == 0 {
            return Ok(None);
        }
        let entries = self.log.read(self.at, left.min(BATCH) as usize).await?;
        let Some(last) = entries.last() else {
            let what = format!("it ends here, but had events up to {end}");
            return Err(LogError::Damaged { at: self.at, what }.into());
        };
        self.at = last.position;
        self.reading.count(entries.len() as u64);
        let mut events = Vec::with_capacity(entries.len());
        for entry in entries.into_iter().filter(wanted) {
            events.extend(read(&mut self.reader, entry));
        }
        Ok(Some(events))
    }
}

/// A decoded entry of the log.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are events, and a box for each costs more than the space"
)]
pub(crate) enum Replayed {
    /// Decoded event.
    Event(Recorded),
    /// Entry that cannot be decoded.
    Unreadable {
        position: Position,
        /// Customer that the entry is about, if any.
        customer: Option<String>,
        /// Time when the entry was recorded, if the metadata can be parsed.
        at: Option<Timestamp>,
    },
}

/// Decodes an entry. Returns `None` for an entry of a newer program, which
/// projectors in live mode pass over too.
pub(crate) fn read(reader: &mut EntryReader, entry: Entry) -> Option<Replayed> {
    let (position, subject, meta) = (entry.position, subject_of(&entry), entry.meta.clone());
    match reader.read(entry) {
        Ok(event) => Some(Replayed::Event(event)),
        Err(ReadError::Unknown(_)) => None,
        Err(ReadError::Malformed(_)) => {
            let subject = subject.ok();
            let customer = subject.and_then(|of| Customers::document_of(&of, position));
            let metadata = reader.metadata(meta).ok();
            Some(Replayed::Unreadable {
                position,
                customer,
                at: metadata.map(|metadata| metadata.at),
            })
        }
    }
}

/// Customers of one partition, folded in memory.
pub(crate) struct CustomersInMemory {
    zone: Tz,
    /// Events that an operator skipped.
    skipped: SkippedEvents,
    customers: HashMap<String, CustomerDocument>,
    undetermined: BTreeSet<String>,
}

impl CustomersInMemory {
    pub(crate) fn new(zone: Tz, skipped: SkippedEvents) -> Self {
        Self {
            zone,
            skipped,
            customers: HashMap::new(),
            undetermined: BTreeSet::new(),
        }
    }

    /// Folds an event if it is about a customer. Messages concern customers but
    /// are not part of their documents. A customer with an event that cannot be
    /// folded is undetermined from then on.
    pub(crate) fn fold(&mut self, replayed: &Replayed) {
        let (position, customer) = match replayed {
            Replayed::Event(event) => {
                let customer = Customers::document_of(&event.subject, event.position);
                (event.position, customer)
            }
            Replayed::Unreadable {
                position, customer, ..
            } => (*position, customer.clone()),
        };
        let Some(customer) = customer.filter(|id| !self.undetermined.contains(id)) else {
            return;
        };
        if self.skipped.contains(position.number) {
            return;
        }
        let before = self.customers.remove(&customer);
        let after = match replayed {
            Replayed::Event(event) => Customers::fold_in_memory(before, event, self.zone).ok(),
            Replayed::Unreadable { .. } => None,
        };
        match after {
            Some(document) => drop(self.customers.insert(customer, document)),
            None => drop(self.undetermined.insert(customer)),
        }
    }

    /// Returns the folded customers that were not merged into another one, and the ids
    /// of the undetermined ones.
    pub(crate) fn into_parts(mut self) -> (HashMap<String, CustomerDocument>, BTreeSet<String>) {
        self.customers
            .retain(|_, customer| customer.merged.is_none());
        (self.customers, self.undetermined)
    }
}

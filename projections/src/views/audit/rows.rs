//! Rows of the audit trail, read from the log.

use std::sync::Arc;

use domain::{CustomerId, Event, Metadata, OrderEvent, Subject, Timestamp};
use eventlog::{Entry, Log, LogError, Position};

use crate::runtime::recorded::EntryReader;

/// Row of the audit trail: one event.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRow {
    /// Entry of the event in the log.
    pub entry: Entry,
    /// Metadata of the commit: its actor, time and request.
    pub metadata: Arc<Metadata>,
    /// Time at which the fact occurred: the time of the order, activity or receipt.
    /// For all other events, and for events that cannot be read, the time at which
    /// the event was recorded.
    pub occurred_at: Timestamp,
    /// Customer that the event is about, if any.
    pub customer: Option<CustomerId>,
}

impl AuditRow {
    /// Builds the row of a log entry.
    ///
    /// # Errors
    /// [`LogError::Damaged`] if the entry's metadata cannot be read.
    pub(super) fn of(reader: &mut EntryReader, entry: Entry) -> Result<Self, LogError> {
        let metadata = reader.metadata(entry.meta.clone());
        let metadata = metadata.map_err(|error| LogError::Damaged {
            at: entry.position,
            what: error.to_string(),
        })?;
        let subject = Subject::parse(&entry.key).ok();
        let event = subject
            .as_ref()
            .and_then(|subject| Event::decode(subject, &entry.tag, &entry.data).ok());
        Ok(Self {
            occurred_at: event.and_then(occurrence_time).unwrap_or(metadata.at),
            customer: subject.and_then(|subject| subject.customer().cloned()),
            metadata,
            entry,
        })
    }
}

/// Reads the rows of the events at these positions, in this order.
///
/// # Errors
/// [`LogError::Trimmed`] if an event is below its partition's floor;
/// [`LogError::Damaged`] if it is missing for another reason.
pub(super) async fn rows_at(log: &Log, positions: &[Position]) -> Result<Vec<AuditRow>, LogError> {
    let mut reader = EntryReader::default();
    let mut rows = Vec::with_capacity(positions.len());
    for (position, entry) in positions.iter().zip(log.entries(positions).await?) {
        match entry {
            Some(entry) => rows.push(AuditRow::of(&mut reader, entry)?),
            None => return Err(missing(log, *position).await?),
        }
    }
    Ok(rows)
}

/// Returns the error for an event that is in the trail but not in the log: it was
/// trimmed, or the log is damaged.
///
/// # Errors
/// [`LogError`] if the floors cannot be read.
pub(crate) async fn missing(log: &Log, at: Position) -> Result<LogError, LogError> {
    let mut floors = log.floors().await?.into_iter();
    let floor = floors.find(|floor| floor.partition == at.partition && at.number < floor.number);
    Ok(match floor {
        Some(floor) => LogError::Trimmed { floor },
        None => {
            let what = "an event of the audit trail is missing".to_owned();
            LogError::Damaged { at, what }
        }
    })
}

fn occurrence_time(event: Event) -> Option<Timestamp> {
    match event {
        Event::Order(OrderEvent::Moved { .. }) => None,
        Event::Order(event) => Some(event.content().placed_at),
        Event::Activity(event) => Some(event.content().occurred_at),
        Event::Message(event) => event.receipt().map(|receipt| receipt.occurred_at),
        Event::Customer(_)
        | Event::View(_)
        | Event::Segment(_)
        | Event::Campaign(_)
        | Event::User(_)
        | Event::ApiKey(_)
        | Event::Refusal(_)
        | Event::Assistance(_)
        | Event::Log(_)
        | Event::Quarantine(_)
        | Event::Demo(_)
        | Event::Import(_)
        | Event::Address(_)
        | Event::Claim(_)
        | Event::Merges(_) => None,
    }
}

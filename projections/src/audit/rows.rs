//! Rows of the audit trail, as the log has them.

use std::sync::Arc;

use domain::{CustomerId, Event, MessageEvent, Metadata, Subject, Timestamp};
use eventlog::{Entry, Log, LogError, Position};

use crate::EntryReader;

/// An event's row.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRow {
    /// The event, as it stands in the log.
    pub entry: Entry,
    /// Who, when, in which request.
    pub metadata: Arc<Metadata>,
    /// When what it tells of happened: an order's, an activity's or a
    /// receipt's own time; else, and where it cannot be read, when it was
    /// recorded.
    pub occurred_at: Timestamp,
    /// The customer whom it is about.
    pub customer: Option<CustomerId>,
}

impl AuditRow {
    /// The row of an event.
    ///
    /// # Errors
    /// [`LogError::Damaged`] if its metadata cannot be read.
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
            occurred_at: event.and_then(own_time).unwrap_or(metadata.at),
            customer: subject.and_then(|subject| subject.customer().cloned()),
            metadata,
            entry,
        })
    }
}

/// The rows of events at these positions, in this order.
///
/// # Errors
/// [`LogError::Trimmed`] if one is below its partition's floor,
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

/// Why an event that is in the trail is not in the log.
pub(crate) async fn missing(log: &Log, at: Position) -> Result<LogError, LogError> {
    let mut floors = log.floors().await?.into_iter();
    let floor = floors.find(|floor| floor.partition == at.partition && at.number < floor.number);
    Ok(match floor {
        Some(floor) => LogError::Trimmed { floor },
        None => {
            let what = "an event of the audit trail is not there".to_owned();
            LogError::Damaged { at, what }
        }
    })
}

fn own_time(event: Event) -> Option<Timestamp> {
    match event {
        Event::Order(happened) => Some(happened.content().placed_at),
        Event::Activity(happened) => Some(happened.content().occurred_at),
        Event::Message(MessageEvent::Receipted { receipt, .. }) => Some(receipt.occurred_at),
        Event::Customer(_)
        | Event::View(_)
        | Event::Segment(_)
        | Event::Campaign(_)
        | Event::Message(_)
        | Event::User(_)
        | Event::ApiKey(_)
        | Event::Refusal(_)
        | Event::Assistance(_)
        | Event::Log(_)
        | Event::Quarantine(_) => None,
    }
}

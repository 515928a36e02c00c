//! Decoding of log entries into events.

use std::cell::OnceCell;
use std::sync::Arc;

use domain::{CustomerId, DecodeError, Event, Metadata, QuarantineEvent, Subject, SubjectError};
use eventlog::{Entry, Position};

/// A recorded event.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Position of the event in the log.
    pub position: Position,
    /// Subject of the event.
    pub subject: Subject,
    /// Version of the aggregate after the event.
    pub version: u64,
    /// Type and schema version, such as `order_placed.1`.
    pub tag: String,
    /// Decoded event.
    pub event: Event,
    /// Metadata of the commit: actor, time, request, cause and address.
    pub metadata: Arc<Metadata>,
}

/// An event without its data. Also used for events of other programs and of
/// unknown types.
#[derive(Debug)]
pub(crate) struct Noted {
    pub(crate) position: Position,
    /// Number of the first event of the commit.
    pub(crate) commit: u64,
    pub(crate) tag: String,
    pub(crate) customer: Option<CustomerId>,
    pub(crate) metadata: Arc<Metadata>,
}

/// An operator's decision about an event that views could not fold.
#[derive(Debug, Clone)]
pub(crate) struct RecordedDecision {
    /// Number of the event in the partition.
    pub(crate) event: u64,
    /// Number of the decision's own event.
    pub(crate) decided: u64,
    pub(crate) record: QuarantineEvent,
    pub(crate) metadata: Arc<Metadata>,
}

impl RecordedDecision {
    /// Returns whether views skip the event from now on.
    pub(crate) fn is_skip(&self) -> bool {
        matches!(self.record, QuarantineEvent::Skipped(_))
    }
}

/// An entry that several views read. Decoded on the first use of its data, and
/// only once.
pub struct SharedEntry {
    entry: Entry,
    subject: Result<Subject, ReadError>,
    metadata: Result<Arc<Metadata>, ReadError>,
    commit: Arc<str>,
    recorded: OnceCell<Result<Arc<Recorded>, ReadError>>,
}

impl SharedEntry {
    /// Returns the position of the entry in the log.
    pub fn position(&self) -> Position {
        self.entry.position
    }

    /// Returns the subject of the entry.
    ///
    /// # Errors
    /// [`ReadError`] if this program does not know the kind of key, or cannot
    /// parse it.
    pub fn subject(&self) -> Result<&Subject, ReadError> {
        self.subject.as_ref().map_err(Clone::clone)
    }

    /// Returns the key in the log, without parsing it.
    pub(crate) fn key(&self) -> &str {
        &self.entry.key
    }

    /// Returns the decision about an earlier event of the partition, if the
    /// entry is one.
    pub(crate) fn decision(&self) -> Option<RecordedDecision> {
        let Ok(Subject::Quarantine(event)) = &self.subject else {
            return None;
        };
        let at = self.position();
        let is_behind = event.partition() == at.partition && event.number() < at.number;
        let recorded = self.recorded().ok().filter(|_| is_behind)?;
        let Event::Quarantine(record) = &recorded.event else {
            return None;
        };
        Some(RecordedDecision {
            event: event.number(),
            decided: at.number,
            record: record.clone(),
            metadata: recorded.metadata.clone(),
        })
    }

    pub(crate) fn tag(&self) -> &str {
        &self.entry.tag
    }

    /// Returns whether this is the first event of its aggregate.
    pub(crate) fn begins_aggregate(&self) -> bool {
        self.entry.version == 1
    }

    /// Returns whether this is the first event of its commit.
    pub(crate) fn begins_commit(&self) -> bool {
        self.entry.position.number == self.entry.commit
    }

    /// Returns the position of the commit's first event, as text.
    pub(crate) fn commit(&self) -> &str {
        &self.commit
    }

    /// Returns the decoded event.
    ///
    /// # Errors
    /// [`ReadError`] if this program cannot decode it.
    pub(crate) fn recorded(&self) -> Result<Arc<Recorded>, ReadError> {
        self.recorded.get_or_init(|| self.decode()).clone()
    }

    fn decode(&self) -> Result<Arc<Recorded>, ReadError> {
        let subject = self.subject()?.clone();
        let metadata = self.metadata.clone()?;
        decode(subject, metadata, &self.entry).map(Arc::new)
    }

    /// Returns the event without its data.
    ///
    /// # Errors
    /// [`ReadError::Malformed`] if the metadata cannot be parsed.
    pub(crate) fn noted(&self) -> Result<Noted, ReadError> {
        let subject = self.subject.as_ref().ok();
        Ok(Noted {
            position: self.entry.position,
            commit: self.entry.commit,
            customer: subject.and_then(|subject| subject.customer().cloned()),
            tag: self.entry.tag.clone(),
            metadata: self.metadata.clone()?,
        })
    }
}

fn decode(subject: Subject, metadata: Arc<Metadata>, entry: &Entry) -> Result<Recorded, ReadError> {
    let event = Event::decode(&subject, &entry.tag, &entry.data).map_err(|error| match error {
        DecodeError::Unknown(_) => ReadError::Unknown(error.to_string()),
        DecodeError::Malformed { .. } => ReadError::Malformed(error.to_string()),
    })?;
    Ok(Recorded {
        position: entry.position,
        subject,
        version: entry.version,
        tag: entry.tag.clone(),
        event,
        metadata,
    })
}

/// Error for an entry that cannot be decoded.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// The program does not know the aggregate or the type.
    #[error("{0}")]
    Unknown(String),
    /// The content does not match its type.
    #[error("{0}")]
    Malformed(String),
}

/// Returns the subject of an entry.
pub(crate) fn subject_of(entry: &Entry) -> Result<Subject, ReadError> {
    Subject::parse(&entry.key).map_err(|error| match error {
        SubjectError::Unknown(_) => ReadError::Unknown(error.to_string()),
        SubjectError::Id(..)
        | SubjectError::Day(..)
        | SubjectError::Address(..)
        | SubjectError::Position(_) => ReadError::Malformed(error.to_string()),
    })
}

/// Decodes entries one after the other.
///
/// All events of a commit share their metadata, so the last parsed metadata is
/// cached.
#[derive(Debug, Default)]
pub struct EntryReader {
    last: Option<(Arc<str>, Arc<Metadata>)>,
    last_commit: Option<(Position, Arc<str>)>,
}

impl EntryReader {
    /// Decodes one entry.
    ///
    /// # Errors
    /// [`ReadError`] if the entry cannot be decoded.
    pub fn read(&mut self, entry: Entry) -> Result<Recorded, ReadError> {
        let subject = subject_of(&entry)?;
        let metadata = self.metadata(entry.meta.clone())?;
        decode(subject, metadata, &entry)
    }

    /// Wraps an entry that several views read.
    pub fn share(&mut self, entry: Entry) -> SharedEntry {
        let first = Position {
            number: entry.commit,
            ..entry.position
        };
        let commit = match &self.last_commit {
            Some((last, text)) if *last == first => text.clone(),
            _ => {
                let text: Arc<str> = first.to_string().into();
                self.last_commit = Some((first, text.clone()));
                text
            }
        };
        SharedEntry {
            subject: subject_of(&entry),
            metadata: self.metadata(entry.meta.clone()),
            commit,
            recorded: OnceCell::new(),
            entry,
        }
    }

    pub(crate) fn metadata(&mut self, json: Arc<str>) -> Result<Arc<Metadata>, ReadError> {
        if let Some((last, metadata)) = &self.last
            && (Arc::ptr_eq(last, &json) || *last == json)
        {
            return Ok(metadata.clone());
        }
        let metadata: Metadata = serde_json::from_str(&json)
            .map_err(|error| ReadError::Malformed(format!("metadata: {error}")))?;
        let metadata = Arc::new(metadata);
        self.last = Some((json, metadata.clone()));
        Ok(metadata)
    }
}

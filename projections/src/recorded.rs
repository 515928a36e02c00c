//! Entries of the log, read as events.

use std::cell::OnceCell;
use std::sync::Arc;

use domain::{CustomerId, DecodeError, Event, Metadata, QuarantineEvent, Subject, SubjectError};
use eventlog::{Entry, Position};

/// An event as it was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Where it stands in the log.
    pub position: Position,
    /// What it is about.
    pub subject: Subject,
    /// The aggregate's version after it.
    pub version: u64,
    /// Type and schema version: `order_placed.1`.
    pub tag: String,
    /// What happened.
    pub event: Event,
    /// Who, when, why.
    pub metadata: Arc<Metadata>,
}

/// An event, of which all was read but its data: any program's events, also of
/// types that are not known here.
#[derive(Debug)]
pub(crate) struct Noted {
    pub(crate) position: Position,
    /// The number of the first event of its commit.
    pub(crate) commit: u64,
    pub(crate) tag: String,
    pub(crate) customer: Option<CustomerId>,
    pub(crate) metadata: Arc<Metadata>,
}

/// What an operator decided about an event that views could not fold.
#[derive(Debug, Clone)]
pub(crate) struct Decision {
    /// The event's number in the partition.
    pub(crate) event: u64,
    /// The number of the decision itself.
    pub(crate) decided: u64,
    pub(crate) record: QuarantineEvent,
    pub(crate) metadata: Arc<Metadata>,
}

/// An entry that several views read. It is decoded when the first of them needs
/// its data, and only once.
pub struct SharedEntry {
    entry: Entry,
    subject: Result<Subject, ReadError>,
    metadata: Result<Arc<Metadata>, ReadError>,
    commit: Arc<str>,
    recorded: OnceCell<Result<Arc<Recorded>, ReadError>>,
}

impl SharedEntry {
    /// Where it stands in the log.
    pub fn position(&self) -> Position {
        self.entry.position
    }

    /// What it is about.
    ///
    /// # Errors
    /// [`ReadError`] if this program does not know or cannot read its key.
    pub fn subject(&self) -> Result<&Subject, ReadError> {
        self.subject.as_ref().map_err(Clone::clone)
    }

    /// The key in the log, readable or not.
    pub(crate) fn key(&self) -> &str {
        &self.entry.key
    }

    /// What an operator decided about an event before it, if it says that.
    pub(crate) fn decision(&self) -> Option<Decision> {
        let Ok(Subject::Quarantine(event)) = &self.subject else {
            return None;
        };
        let at = self.position();
        let is_behind = event.partition() == at.partition && event.number() < at.number;
        let recorded = self.recorded().ok().filter(|_| is_behind)?;
        let Event::Quarantine(record) = &recorded.event else {
            return None;
        };
        Some(Decision {
            event: event.number(),
            decided: at.number,
            record: record.clone(),
            metadata: recorded.metadata.clone(),
        })
    }

    pub(crate) fn tag(&self) -> &str {
        &self.entry.tag
    }

    /// Whether it is the first event of its aggregate.
    pub(crate) fn begins_aggregate(&self) -> bool {
        self.entry.version == 1
    }

    /// Whether it is the first event of its commit.
    pub(crate) fn begins_commit(&self) -> bool {
        self.entry.position.number == self.entry.commit
    }

    /// The position of its commit's first event, as text.
    pub(crate) fn commit(&self) -> &str {
        &self.commit
    }

    /// The whole event.
    ///
    /// # Errors
    /// [`ReadError`] if it is not an event that this program can read.
    pub(crate) fn recorded(&self) -> Result<Arc<Recorded>, ReadError> {
        self.recorded.get_or_init(|| self.decode()).clone()
    }

    fn decode(&self) -> Result<Arc<Recorded>, ReadError> {
        let subject = self.subject()?.clone();
        let metadata = self.metadata.clone()?;
        decode(subject, metadata, &self.entry).map(Arc::new)
    }

    /// The event without its data.
    ///
    /// # Errors
    /// [`ReadError::Malformed`] if its metadata cannot be read.
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

/// Why an entry is not an event we can read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// An aggregate or a type this program does not know.
    #[error("{0}")]
    Unknown(String),
    /// Content that is not what its type says.
    #[error("{0}")]
    Malformed(String),
}

/// What an entry is about.
pub(crate) fn subject_of(entry: &Entry) -> Result<Subject, ReadError> {
    Subject::parse(&entry.key).map_err(|error| match error {
        SubjectError::Unknown(_) => ReadError::Unknown(error.to_string()),
        SubjectError::Id(..) | SubjectError::Day(..) | SubjectError::Position(_) => {
            ReadError::Malformed(error.to_string())
        }
    })
}

/// Reads entries one after the other.
///
/// A batch of thousands has one metadata for all its events: what was read
/// last is not read again.
#[derive(Debug, Default)]
pub struct EntryReader {
    last: Option<(Arc<str>, Arc<Metadata>)>,
    last_commit: Option<(Position, Arc<str>)>,
}

impl EntryReader {
    /// Reads one entry.
    ///
    /// # Errors
    /// [`ReadError`] if it is not an event we can read.
    pub fn read(&mut self, entry: Entry) -> Result<Recorded, ReadError> {
        let subject = subject_of(&entry)?;
        let metadata = self.metadata(entry.meta.clone())?;
        decode(subject, metadata, &entry)
    }

    /// Takes an entry that several views read.
    pub fn share(&mut self, entry: Entry) -> SharedEntry {
        SharedEntry {
            subject: subject_of(&entry),
            metadata: self.metadata(entry.meta.clone()),
            commit: self.commit_of(&entry),
            recorded: OnceCell::new(),
            entry,
        }
    }

    fn commit_of(&mut self, entry: &Entry) -> Arc<str> {
        let first = Position {
            number: entry.commit,
            ..entry.position
        };
        match &self.last_commit {
            Some((last, text)) if *last == first => text.clone(),
            _ => {
                let text: Arc<str> = first.to_string().into();
                self.last_commit = Some((first, text.clone()));
                text
            }
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

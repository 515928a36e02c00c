//! Entries of the log, read as events.

use std::sync::Arc;

use domain::{CustomerId, DecodeError, Event, Metadata, Subject, SubjectError};
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

/// Why an entry is not an event we can read.
#[derive(Debug, thiserror::Error)]
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
        SubjectError::Id(..) | SubjectError::Day(..) => ReadError::Malformed(error.to_string()),
    })
}

/// The customer whom a key is about, if it is about one.
pub(crate) fn customer_of(key: &str) -> Option<CustomerId> {
    Subject::parse(key).ok()?.customer().cloned()
}

/// Reads entries one after the other.
///
/// A batch of thousands has one metadata for all its events: what was read
/// last is not read again.
#[derive(Debug, Default)]
pub struct EntryReader {
    last: Option<(Arc<str>, Arc<Metadata>)>,
    last_commit: Option<(Position, String)>,
}

impl EntryReader {
    /// Reads one entry.
    ///
    /// # Errors
    /// [`ReadError`] if it is not an event we can read.
    pub fn read(&mut self, entry: Entry) -> Result<Recorded, ReadError> {
        let subject = subject_of(&entry)?;
        self.read_about(subject, entry)
    }

    /// Reads one entry, of which it is known what it is about.
    pub(crate) fn read_about(
        &mut self,
        subject: Subject,
        entry: Entry,
    ) -> Result<Recorded, ReadError> {
        let event =
            Event::decode(&subject, &entry.tag, &entry.data).map_err(|error| match error {
                DecodeError::Unknown(_) => ReadError::Unknown(error.to_string()),
                DecodeError::Malformed { .. } => ReadError::Malformed(error.to_string()),
            })?;
        Ok(Recorded {
            position: entry.position,
            subject,
            version: entry.version,
            tag: entry.tag,
            event,
            metadata: self.metadata(entry.meta)?,
        })
    }

    /// Reads one entry without its data.
    ///
    /// # Errors
    /// [`ReadError::Malformed`] if its metadata cannot be read.
    pub(crate) fn note(&mut self, entry: Entry) -> Result<Noted, ReadError> {
        Ok(Noted {
            position: entry.position,
            commit: entry.commit,
            customer: customer_of(&entry.key),
            tag: entry.tag,
            metadata: self.metadata(entry.meta)?,
        })
    }

    /// The position of an entry's commit, as text.
    pub(crate) fn commit_of(&mut self, entry: &Entry) -> String {
        let first = Position {
            number: entry.commit,
            ..entry.position
        };
        match &self.last_commit {
            Some((last, text)) if *last == first => text.clone(),
            _ => {
                let text = first.to_string();
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

//! Entries of the log, read as events.

use domain::{DecodeError, Event, Metadata, Subject, SubjectError};
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
    pub metadata: Metadata,
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

impl TryFrom<Entry> for Recorded {
    type Error = ReadError;

    fn try_from(entry: Entry) -> Result<Self, ReadError> {
        let subject = Subject::parse(&entry.key).map_err(|error| match error {
            SubjectError::Unknown(_) => ReadError::Unknown(error.to_string()),
            SubjectError::Id(..) => ReadError::Malformed(error.to_string()),
        })?;
        let event =
            Event::decode(&subject, &entry.tag, &entry.data).map_err(|error| match error {
                DecodeError::Unknown(_) => ReadError::Unknown(error.to_string()),
                DecodeError::Malformed { .. } => ReadError::Malformed(error.to_string()),
            })?;
        let metadata = serde_json::from_str(&entry.meta)
            .map_err(|error| ReadError::Malformed(format!("metadata: {error}")))?;
        Ok(Self {
            position: entry.position,
            subject,
            version: entry.version,
            tag: entry.tag,
            event,
            metadata,
        })
    }
}

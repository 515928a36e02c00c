//! Records of the imported file, before they are sent.

use super::lines::Place;

/// Record of the source.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) place: Place,
    /// Hash of the item's id, if it has one, or the reason why the record cannot be sent.
    pub(super) result: Result<Option<u64>, Reason>,
}

/// Reason why a record is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// One sentence for a person.
    pub text: String,
    /// JSON pointer of the invalid field.
    pub pointer: Option<String>,
}

/// Final outcome of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordOutcome {
    /// The item is new.
    Created,
    /// The item was known with other content.
    Updated,
    /// The item was known with the same content.
    Unchanged,
    /// The item was not accepted.
    Refused(Reason),
}

/// Record that was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RefusedRecord {
    pub(super) place: Place,
    pub(super) reason: Reason,
}

impl Reason {
    /// Returns a reason that concerns the whole record.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            pointer: None,
        }
    }
}

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
pub(super) struct Reason {
    pub(super) text: String,
    /// JSON pointer of the invalid field.
    pub(super) pointer: Option<String>,
}

/// Record that was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RefusedRecord {
    pub(super) place: Place,
    pub(super) reason: Reason,
}

impl Reason {
    /// Returns a reason that concerns the whole record.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            pointer: None,
        }
    }
}

//! Records of the imported file, before they are sent.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

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

/// What was read in another way than it stands in the file, for the summary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RowNotes {
    /// Number of local times that clocks showed twice. The first is meant.
    pub ambiguous_times: u64,
    /// Number of ids and phone numbers with a spreadsheet's apostrophe, which was removed.
    pub text_marks: u64,
}

impl AddAssign for RowNotes {
    fn add_assign(&mut self, other: Self) {
        self.ambiguous_times += other.ambiguous_times;
        self.text_marks += other.text_marks;
    }
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

//! Records of the imported file, before they are sent.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::lines::Place;

/// Record of the source: one row, or all rows of an order.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) rows: Rows,
    pub(super) content: RecordContent,
    /// Hash of the order's id, if other rows of the file may belong to the order: each row has a
    /// line item.
    pub(super) order: Option<u64>,
}

/// Maximum size of an object, in bytes, and of the body of a request. The API accepts 16 MiB.
pub(super) const MAX_OBJECT: usize = 15 << 20;

/// Rows of a record, which follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rows {
    /// Place of all rows.
    pub(super) place: Place,
    /// Number of rows.
    pub(super) count: u32,
    /// Number of the line on which the last row begins.
    pub(super) last_line: u64,
}

/// What becomes of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RecordContent {
    /// It is sent. Only objects without an id have no identity.
    Item(Option<Identity>),
    /// It cannot be sent.
    Refused(Reason),
    /// It is left out on request.
    Skipped,
    /// An earlier record of the file is the same.
    Repeated,
}

/// Hashes of an item's id and of all its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: u64,
    pub(super) content: u64,
}

/// Reason why a record is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// One sentence for a person.
    pub text: String,
    /// JSON pointer of the invalid field.
    #[serde(skip_serializing_if = "Option::is_none")]
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
    /// The item was older than what is recorded, and changed nothing.
    Stale,
    /// The order was moved to another customer, and the item changed nothing.
    Moved,
    /// The item was not accepted.
    Refused(Reason),
    /// The item had this outcome, but its customer opted out earlier and stays unsubscribed.
    StillUnsubscribed(Box<Self>),
}

/// What has another effect than it stands in the file, for the summary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RowNotes {
    /// Number of local times that clocks showed twice. The first is meant.
    pub ambiguous_times: u64,
    /// Number of cells with a spreadsheet's mark of text, which was removed: an apostrophe before a
    /// number, or `="…"`.
    pub text_marks: u64,
    /// Number of customers who stay unsubscribed, since the file proves no consent after their
    /// opt-out.
    pub still_unsubscribed: u64,
}

impl AddAssign for RowNotes {
    fn add_assign(&mut self, other: Self) {
        self.ambiguous_times += other.ambiguous_times;
        self.text_marks += other.text_marks;
        self.still_unsubscribed += other.still_unsubscribed;
    }
}

/// Record that was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RefusedRecord {
    pub(super) rows: Rows,
    pub(super) reason: Reason,
}

impl Rows {
    /// Returns one row.
    pub(super) fn one(place: Place) -> Self {
        Self {
            place,
            count: 1,
            last_line: place.line,
        }
    }

    /// Adds a row that follows.
    pub(super) fn add(&mut self, place: Place) {
        self.place.length = place.offset + place.length - self.place.offset;
        self.count += 1;
        self.last_line = place.line;
    }
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

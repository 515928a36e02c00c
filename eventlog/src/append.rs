//! Input and outcome of an append, and the limits of a commit.

use std::collections::HashSet;

use serde_json::value::RawValue;

use crate::{Key, LogError, Position};

/// Events of one aggregate, which are appended as a whole or not at all.
#[derive(Debug, Clone)]
pub struct Append {
    /// Key of the aggregate.
    pub key: Key,
    /// Expected head, and the head after the append. `None` for plain records, which
    /// have no head and no version and never conflict.
    pub head: Option<NewHead>,
    /// Events in order; at least one.
    pub events: Vec<NewEvent>,
}

/// Head that an append expects, and the one that it writes.
#[derive(Debug, Clone)]
pub struct NewHead {
    /// Expected version of the aggregate; 0 if it must not exist.
    pub expected: u64,
    /// Number of the aggregate's last event at that version; 0 for none.
    pub last: u64,
    /// Version of the fold that produced `state`.
    pub fold: u32,
    /// State of the aggregate after the events.
    pub state: String,
}

/// Event that is not in the log yet.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Type and schema version, such as `order_placed.1`.
    pub tag: &'static str,
    /// Content of the event, as JSON.
    pub data: Box<RawValue>,
}

/// Outcome of one [`Append`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// The events are in the log; the last one has this position.
    At(Position),
    /// Nothing was written: the aggregate has another version than expected.
    Conflict {
        /// Version that the aggregate has.
        found: u64,
    },
}

/// Largest number of events in a commit. A single append with more events is a commit
/// of its own.
pub(crate) const MAX_EVENTS: usize = 1_000;

/// Largest size of a commit before compression, in bytes. A single larger append is a
/// commit of its own.
pub(crate) const MAX_BYTES: usize = 1 << 20;

impl Append {
    /// Returns the approximate size of the append within a commit, in bytes.
    pub(crate) fn weight(&self) -> usize {
        let event =
            |event: &NewEvent| self.key.text.len() + event.tag.len() + event.data.get().len() + 24;
        self.events.iter().map(event).sum()
    }
}

/// Returns how many of these appends fit into the next commit, from the first on; at
/// least one.
pub(crate) fn commit_size<'a>(appends: impl IntoIterator<Item = &'a Append>) -> usize {
    let (mut events, mut bytes) = (0, 0);
    let fits = |append: &&Append| {
        events += append.events.len();
        bytes += append.weight();
        events <= MAX_EVENTS && bytes <= MAX_BYTES
    };
    appends.into_iter().take_while(fits).count().max(1)
}

/// Rejects appends that the script would process incorrectly.
pub(crate) fn check(appends: &[Append]) -> Result<(), LogError> {
    let refused = |append: &Append, why: &str| {
        let key = &append.key;
        Err(LogError::Options(format!("an append to {key} {why}")))
    };
    let mut keys = HashSet::with_capacity(appends.len());
    for append in appends {
        if append.events.is_empty() {
            return refused(append, "has no events");
        }
        // The script checks all groups of a commit against the same stored head,
        // so a second append to the same aggregate could never have the right
        // expected version.
        if append.head.is_some() && !keys.insert(&append.key.text) {
            return refused(append, "appears twice in one call");
        }
    }
    Ok(())
}

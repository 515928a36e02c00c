//! What is appended.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::{Key, LogError, Position};

/// Events of one aggregate, to append as a whole or not at all.
#[derive(Debug, Clone)]
pub struct Append {
    /// The aggregate.
    pub key: Key,
    /// What its head must be, and what it becomes. `None` for plain records,
    /// which have no head and no version and never conflict.
    pub head: Option<NewHead>,
    /// At least one.
    pub events: Vec<NewEvent>,
}

/// The head that an append expects, and the one that it leaves.
#[derive(Debug, Clone)]
pub struct NewHead {
    /// The version that the aggregate must have; 0 if it must not exist.
    pub expected: u64,
    /// The number of the aggregate's last event at that version; 0 for none.
    pub last: u64,
    /// The version of the fold that made `state`.
    pub fold: u32,
    /// The aggregate's state after the events.
    pub state: String,
}

/// An event that is not in the log yet.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Type and schema version.
    pub tag: &'static str,
    /// Content.
    pub data: Box<RawValue>,
}

/// The outcome of one [`Append`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is in the log; its last event has this position.
    At(Position),
    /// Nothing was written: the aggregate has this version.
    Conflict {
        /// The version found.
        found: u64,
    },
}

/// The most events and bytes before compression of one commit. A single append
/// that is larger than that is a commit of its own.
pub(crate) const MAX_EVENTS: usize = 1_000;
pub(crate) const MAX_BYTES: usize = 1 << 20;

impl Append {
    /// The approximate size of its part of a commit, in bytes.
    pub(crate) fn weight(&self) -> usize {
        let event =
            |event: &NewEvent| self.key.text.len() + event.tag.len() + event.data.get().len() + 24;
        self.events.iter().map(event).sum()
    }
}

/// How many of these appends the next commit takes, from the first.
pub(crate) fn commit_size<'a>(appends: impl IntoIterator<Item = &'a Append>) -> usize {
    let (mut events, mut bytes) = (0, 0);
    let fits = |append: &&Append| {
        events += append.events.len();
        bytes += append.weight();
        events <= MAX_EVENTS && bytes <= MAX_BYTES
    };
    appends.into_iter().take_while(fits).count().max(1)
}

/// Refuses what the script would take wrongly.
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
        // Two groups of one commit would both be checked against the same head.
        if append.head.is_some() && !keys.insert(&append.key.text) {
            return refused(append, "stands twice in one call");
        }
    }
    Ok(())
}

/// A commit as the script takes it.
pub(crate) struct NewCommit {
    pub(crate) meta: Arc<str>,
    pub(crate) payload: crate::commit::Payload,
    pub(crate) groups: Vec<Group>,
}

/// What the script must know of one [`Append`].
pub(crate) struct Group {
    /// `None` for plain records.
    pub(crate) head: Option<GroupHead>,
    pub(crate) events: usize,
}

/// The head of a [`Group`].
pub(crate) struct GroupHead {
    pub(crate) key: Key,
    pub(crate) expected: u64,
    pub(crate) last: u64,
    /// Fold version and state, as they stand in the head.
    pub(crate) rest: String,
}

impl NewCommit {
    /// Encodes these appends as one commit.
    pub(crate) fn of(meta: &Arc<str>, appends: &[&Append]) -> Self {
        let group = |append: &&Append| Group {
            head: append.head.as_ref().map(|head| GroupHead {
                key: append.key.clone(),
                expected: head.expected,
                last: head.last,
                rest: format!("{} {}", head.fold, head.state),
            }),
            events: append.events.len(),
        };
        Self {
            meta: meta.clone(),
            payload: crate::commit::encode(appends),
            groups: appends.iter().map(group).collect(),
        }
    }

    /// How many events it has.
    pub(crate) fn events(&self) -> usize {
        self.groups.iter().map(|group| group.events).sum()
    }

    /// The approximate size of its part of a script call, in bytes.
    pub(crate) fn weight(&self) -> usize {
        let head = |group: &Group| {
            let head = group.head.as_ref();
            head.map_or(0, |head| head.key.text.len() + head.rest.len() + 64)
        };
        let heads: usize = self.groups.iter().map(head).sum();
        self.meta.len() + self.payload.bytes.len() + heads + 64
    }
}

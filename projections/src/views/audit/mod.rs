//! Audit trail: an index of the log's commits, and rows that are read from the log,
//! one per event.

mod query;
mod rows;
mod timeline;

use std::collections::HashMap;

use bson::{DateTime, Document, doc};
use mongodb::IndexModel;
use serde::{Deserialize, Serialize, Serializer};

pub use query::AuditFilter;
pub use rows::AuditRow;
pub(crate) use rows::missing;

use crate::runtime::date::date;
use crate::runtime::parts::{After, Before, FoldOutcome};
use crate::runtime::recorded::ReadError;
use crate::runtime::recorded::{Noted, SharedEntry};
use crate::runtime::view::FoldError;
use crate::runtime::view::{AnyView, Content, Input, fold_bson, not_read};

/// The view `audit`: one document per commit, whose id is the position of the
/// commit's first event. The fold reads no event data, so the trail also contains
/// events of unknown types and events that cannot be read.
pub struct Audit;

/// Index entry of a commit: its actor, its time, and the types and customers of its
/// events. The events' data stays in the log. A document has the commit's events
/// up to its `_number`, since a batch of the projector may end within a commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditDocument {
    /// Number of the commit's first event.
    pub first: i64,
    /// Time at which the commit was recorded.
    pub at: DateTime,
    /// Actor on whose behalf the commit was written.
    pub actor: String,
    /// Id of the request that caused the commit, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// IP address that the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// Events by type, with its schema version.
    pub types: Parts,
    /// Events by customer. Events about no customer are left out.
    pub customers: Parts,
}

/// Events of a commit, grouped by type or by customer. An event is in at most one
/// part.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(from = "Vec<Part>")]
pub struct Parts {
    parts: Vec<Part>,
    /// Index in `parts` by id.
    places: HashMap<String, usize>,
}

/// Events of a commit that have the same type or customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Type or customer of the events.
    pub(crate) id: String,
    /// Offsets of the events from the commit's first event, in ascending order;
    /// `None` if the part has all events of the commit.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub(crate) offsets: Option<Vec<i32>>,
}

impl Audit {
    /// Name of the view.
    pub const NAME: &'static str = "audit";
}

impl AnyView for Audit {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn fold_version(&self) -> i32 {
        1
    }

    fn is_per_commit(&self) -> bool {
        true
    }

    fn document_of(&self, entry: &SharedEntry) -> Option<String> {
        Some(entry.commit().to_owned())
    }

    fn read(&self, entry: &SharedEntry) -> Result<Option<Input>, ReadError> {
        Ok(Some(Input {
            document: entry.commit().to_owned(),
            position: entry.position(),
            begins: entry.begins_commit(),
            content: Content::Noted(entry.noted()?),
        }))
    }

    fn fold(
        &self,
        before: &Before<'_>,
        events: &[&Input],
    ) -> Result<FoldOutcome, (usize, FoldError)> {
        let folded = fold_bson(before.document, events, |document, content| match content {
            Content::Noted(event) => Ok(AuditDocument::with_event(document, event)),
            other => Err(not_read(other)),
        });
        Ok(After::whole(folded?, events.len()))
    }

    fn indexes(&self) -> Vec<IndexModel> {
        [
            newest_first(None),
            newest_first(Some("types.id")),
            newest_first(Some("actor")),
            newest_first(Some("request_id")),
            newest_first(Some("customers.id")),
            by_position(),
        ]
        .map(|keys| IndexModel::builder().keys(keys).build())
        .into()
    }
}

impl AuditDocument {
    /// Adds an event to a document, or starts a document with it.
    fn with_event(document: Option<Self>, event: &Noted) -> Self {
        let metadata = &event.metadata;
        let mut document = document.unwrap_or_else(|| Self {
            first: event.commit as i64,
            at: date(metadata.at),
            actor: metadata.actor.clone(),
            request_id: metadata.request.clone(),
            ip: metadata.address.map(|address| address.to_string()),
            types: Parts::default(),
            customers: Parts::default(),
        });
        // A commit has far fewer events than fit an i32.
        let offset = (event.position.number - event.commit) as i32;
        document.types.add(Some(&event.tag), offset);
        let customer = event.customer.as_ref().map(|customer| customer.as_str());
        document.customers.add(customer, offset);
        document
    }
}

impl Parts {
    /// Adds the commit's next event, whose offset is `offset`. The id is `None`
    /// if the event belongs to no part.
    fn add(&mut self, id: Option<&str>, offset: i32) {
        // While one part has all events, its offsets are omitted. The first event that
        // does not belong to it makes them explicit.
        if let [only] = self.parts.as_mut_slice()
            && only.offsets.is_none()
        {
            if Some(&*only.id) == id {
                return;
            }
            only.offsets = Some((0..offset).collect());
        }
        let Some(id) = id else { return };
        match self.places.get(id) {
            Some(&place) => self.parts[place]
                .offsets
                .get_or_insert_default()
                .push(offset),
            None => {
                self.places.insert(id.to_owned(), self.parts.len());
                self.parts.push(Part {
                    id: id.to_owned(),
                    offsets: (offset > 0).then(|| vec![offset]),
                });
            }
        }
    }
}

impl From<Vec<Part>> for Parts {
    fn from(parts: Vec<Part>) -> Self {
        let places = parts.iter().map(|part| part.id.clone()).zip(0..).collect();
        Self { parts, places }
    }
}

impl Serialize for Parts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.parts.serialize(serializer)
    }
}

impl Part {
    /// Returns the numbers of the events in ascending order. `first` and `last` are
    /// the first and the last number of the commit.
    pub(crate) fn numbers(&self, first: u64, last: u64) -> Vec<u64> {
        match &self.offsets {
            Some(offsets) => offsets
                .iter()
                .map(|n| first + u64::from(n.unsigned_abs()))
                .collect(),
            None => (first..=last).collect(),
        }
    }
}

/// Returns the keys of an index with the newest commits first: by time, then by
/// position. With a field, the index has that order for each value of the field.
fn newest_first(field: Option<&str>) -> Document {
    let mut keys = doc! {};
    if let Some(field) = field {
        keys.insert(field, 1);
    }
    keys.extend(doc! {"at": -1, "_partition": -1, "first": -1});
    keys
}

/// Returns the keys of an index with a customer's commits in reverse log order. All
/// events of a customer are in one partition, so the number is enough.
fn by_position() -> Document {
    doc! {"customers.id": 1, "first": -1}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(ids: &[Option<&str>]) -> Vec<(String, Option<Vec<i32>>)> {
        let mut parts = Parts::default();
        for (id, offset) in ids.iter().zip(0..) {
            // A batch may end here: the parts are read back from MongoDB.
            parts = Parts::from(parts.parts);
            parts.add(*id, offset);
        }
        let parts = parts.parts.into_iter();
        parts.map(|part| (part.id, part.offsets)).collect()
    }

    #[test]
    fn a_part_that_has_all_events_needs_no_offsets() {
        let a = |offsets| ("a".to_owned(), offsets);
        let b = |offsets| ("b".to_owned(), offsets);
        assert_eq!(parts(&[None, None]), []);
        assert_eq!(parts(&[Some("a"), Some("a")]), [a(None)]);
        assert_eq!(parts(&[Some("a"), Some("a"), None]), [a(Some(vec![0, 1]))]);
        assert_eq!(parts(&[None, Some("a")]), [a(Some(vec![1]))]);
        assert_eq!(
            parts(&[Some("a"), Some("b"), None, Some("a")]),
            [a(Some(vec![0, 3])), b(Some(vec![1]))]
        );
    }
}

//! Audit trail: an index of the log's commits, and rows that are read from the log,
//! one per event.

mod query;
mod rows;
mod timeline;

use std::collections::HashMap;

use bson::{DateTime, Document, doc};
use chrono_tz::Tz;
use mongodb::IndexModel;
use serde::{Deserialize, Serialize, Serializer};

pub use query::AuditFilter;
pub use rows::AuditRow;
pub(crate) use rows::missing;

use crate::runtime::date::date;
use crate::runtime::parts::{DocumentAfter, DocumentBefore, FoldOutcome};
use crate::runtime::recorded::ReadError;
use crate::runtime::recorded::{Noted, SharedEntry};
use crate::runtime::view::FoldError;
use crate::runtime::view::{AnyView, FoldInput, InputContent, fold_bson, not_read};

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
    pub types: EventGroups,
    /// Events by customer. Events about no customer are left out.
    pub customers: EventGroups,
}

/// Events of a commit, grouped by type or by customer. An event is in at most one
/// group.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(from = "Vec<EventGroup>")]
pub struct EventGroups {
    groups: Vec<EventGroup>,
    /// Index in `groups` by id.
    places: HashMap<String, usize>,
}

/// Events of a commit that have the same type or customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EventGroup {
    /// Type or customer of the events.
    pub(crate) id: String,
    /// Offsets of the events from the commit's first event, in ascending order;
    /// `None` if the group has all events of the commit.
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

    fn read(
        &self,
        entry: &SharedEntry,
        _: Tz,
        inputs: &mut Vec<FoldInput>,
    ) -> Result<(), ReadError> {
        inputs.push(FoldInput {
            document: entry.commit().to_owned(),
            position: entry.position(),
            begins: entry.begins_commit(),
            content: InputContent::Noted(entry.noted()?),
        });
        Ok(())
    }

    fn fold(
        &self,
        before: &DocumentBefore<'_>,
        events: &[&FoldInput],
    ) -> Result<FoldOutcome, (usize, FoldError)> {
        let folded = fold_bson(before.document, events, |document, content| match content {
            InputContent::Noted(event) => Ok(AuditDocument::with_event(document, event)),
            other => Err(not_read(other)),
        });
        Ok(DocumentAfter::whole(folded?, events.len()))
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
            types: EventGroups::default(),
            customers: EventGroups::default(),
        });
        // A commit has far fewer events than fit an i32.
        let offset = (event.position.number - event.commit) as i32;
        document.types.add(Some(&event.tag), offset);
        let customer = event.customer.as_ref().map(|customer| customer.as_str());
        document.customers.add(customer, offset);
        document
    }
}

impl EventGroups {
    /// Adds the commit's next event, whose offset is `offset`. The id is `None`
    /// if the event belongs to no group.
    fn add(&mut self, id: Option<&str>, offset: i32) {
        // While one group has all events, its offsets are omitted. The first event that
        // does not belong to it makes them explicit.
        if let [only] = self.groups.as_mut_slice()
            && only.offsets.is_none()
        {
            if Some(&*only.id) == id {
                return;
            }
            only.offsets = Some((0..offset).collect());
        }
        let Some(id) = id else { return };
        match self.places.get(id) {
            Some(&place) => self.groups[place]
                .offsets
                .get_or_insert_default()
                .push(offset),
            None => {
                self.places.insert(id.to_owned(), self.groups.len());
                self.groups.push(EventGroup {
                    id: id.to_owned(),
                    offsets: (offset > 0).then(|| vec![offset]),
                });
            }
        }
    }
}

impl From<Vec<EventGroup>> for EventGroups {
    fn from(groups: Vec<EventGroup>) -> Self {
        let ids = groups.iter().map(|group| group.id.clone());
        let places = ids.zip(0..).collect();
        Self { groups, places }
    }
}

impl Serialize for EventGroups {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.groups.serialize(serializer)
    }
}

impl EventGroup {
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

    fn groups(ids: &[Option<&str>]) -> Vec<(String, Option<Vec<i32>>)> {
        let mut groups = EventGroups::default();
        for (id, offset) in ids.iter().zip(0..) {
            // A batch may end here: the groups are read back from MongoDB.
            groups = EventGroups::from(groups.groups);
            groups.add(*id, offset);
        }
        let groups = groups.groups.into_iter();
        groups.map(|group| (group.id, group.offsets)).collect()
    }

    #[test]
    fn a_group_that_has_all_events_needs_no_offsets() {
        let a = |offsets| ("a".to_owned(), offsets);
        let b = |offsets| ("b".to_owned(), offsets);
        assert_eq!(groups(&[None, None]), []);
        assert_eq!(groups(&[Some("a"), Some("a")]), [a(None)]);
        assert_eq!(groups(&[Some("a"), Some("a"), None]), [a(Some(vec![0, 1]))]);
        assert_eq!(groups(&[None, Some("a")]), [a(Some(vec![1]))]);
        assert_eq!(
            groups(&[Some("a"), Some("b"), None, Some("a")]),
            [a(Some(vec![0, 3])), b(Some(vec![1]))]
        );
    }
}

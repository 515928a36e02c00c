//! Lists for clients that mirror a view: in the order of recording, and in the
//! order of change.
//!
//! **Order.** Both lists go by event numbers, which never change: by partition
//! and the number of a document's first event, or within each partition by the
//! number of its last event. A rebuild folds the same events, so it keeps both
//! orders and all cursors.
//!
//! **Bound.** A batch of documents is not written at once. Pages therefore end
//! at the checkpoints, before which everything is written; otherwise, a cursor
//! could pass a document that is still to be written.
//!
//! **Decisions.** An order that was set aside is folded late, behind the
//! checkpoint. The list of changes shows it at the number of the operator's
//! decision.
//!
//! **Indexes.** A document that has not changed since its first event has no
//! [`Mirrored::changed`] and is not in the index on it, so that recording it
//! costs one index entry less. The list of changes merges both kinds.

use std::collections::BTreeMap;

use bson::{Bson, Document, doc};
use domain::Subject;
use eventlog::{Log, Partition, Position};
use futures::TryStreamExt;
use mongodb::IndexModel;
use mongodb::options::IndexOptions;
use serde::{Deserialize, Serialize};

use crate::runtime::page::{Page, PageError, PageRequest, cursor};
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::View;

/// Numbers by which a document is listed. They are fields of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mirrored {
    /// Number of the document's first event.
    pub(crate) recorded: i64,
    /// Number of its last event, if that is another one.
    pub(crate) changed: Option<i64>,
}

impl Mirrored {
    /// Returns the numbers after an event at this position, given those before.
    pub(crate) fn after(before: Option<Self>, event: Position) -> Self {
        let number = event.number as i64;
        match before {
            None => Self {
                recorded: number,
                changed: None,
            },
            Some(before) => Self {
                changed: Some(number),
                ..before
            },
        }
    }

    /// Returns the indexes that the lists need.
    pub(crate) fn indexes() -> [IndexModel; 2] {
        let recorded = doc! {"_partition": 1, "recorded": 1};
        let options = IndexOptions::builder()
            .partial_filter_expression(doc! {"changed": {"$gt": 0}})
            .build();
        let changed = doc! {"_partition": 1, "changed": 1};
        [
            IndexModel::builder().keys(recorded).build(),
            IndexModel::builder().keys(changed).options(options).build(),
        ]
    }

    fn last(self) -> i64 {
        self.changed.unwrap_or(self.recorded)
    }
}

/// A view whose documents contain [`Mirrored`].
pub(crate) trait MirroredView: View<Document: Send + Sync + Unpin> {
    fn mirrored(document: &Self::Document) -> Mirrored;
}

/// Page of a list of changes.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangedPage<T> {
    /// Items, and the cursor of the next page; `None` once there are no more
    /// changes.
    pub page: Page<T>,
    /// Cursor of the changes that are recorded later, once there are no more.
    pub resume_cursor: Option<String>,
}

/// Name of the list in its cursors, which no other list accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum RecordedList {
    #[serde(rename = "recorded")]
    Recorded,
}

/// Start of a page of documents as recorded: epoch of the log, partition, and
/// the number after which it starts.
type RecordedStart = (RecordedList, String, Partition, i64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum ChangedList {
    #[serde(rename = "changed")]
    Changed,
}

/// Start of a page of changes: epoch of the log, the partition that comes first,
/// and for each partition the number after which it starts.
type ChangedStart = (ChangedList, String, Partition, Vec<i64>);

/// Documents of one generation that are listed by number.
struct MirrorReader<'a, V: MirroredView> {
    store: &'a Store,
    documents: mongodb::Collection<V::Document>,
    epoch: String,
    /// Number of the last event that is folded, by partition.
    ends: BTreeMap<Partition, i64>,
    filter: Document,
}

impl<'a, V: MirroredView> MirrorReader<'a, V> {
    async fn open(store: &'a Store, filter: Document) -> Result<Self, QueryError> {
        let pointer = store.generations().find(V::NAME).await?;
        if let (Some(pointer), Some(view)) = (pointer, store.view(V::NAME))
            && pointer.is_outdated(view)
        {
            return Err(QueryError::Outdated(V::NAME.to_owned()));
        }
        // Before the documents: those up to here are all written.
        let reached = store.reached(V::NAME).await?;
        let end = |at: Position| (at.partition, at.number as i64);
        Ok(Self {
            store,
            documents: store.serving::<V::Document>(V::NAME).await?,
            epoch: store.log_epoch().await?.unwrap_or_default(),
            ends: reached.iter().map(end).collect(),
            filter,
        })
    }

    /// Returns the first documents of a partition that match a filter and whose
    /// `field` is after one number and up to another.
    async fn within(
        &self,
        partition: Partition,
        field: &str,
        (after, end): (i64, i64),
        mut filter: Document,
        limit: usize,
    ) -> Result<Vec<V::Document>, QueryError> {
        filter.extend(self.filter.clone());
        filter.insert("_partition", i32::from(partition));
        filter.insert(field, doc! {"$gt": after, "$lte": end});
        let found = self
            .documents
            .find(filter)
            .sort(doc! {field: 1})
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .await?;
        Ok(found.try_collect().await?)
    }

    /// Returns the first changes of a partition, with their numbers, in
    /// ascending order. A document may be among them twice.
    async fn changes(
        &self,
        log: &Log,
        partition: Partition,
        range: (i64, i64),
        limit: usize,
    ) -> Result<Vec<(i64, V::Document)>, QueryError> {
        let any = doc! {};
        let changed = self.within(partition, "changed", range, any, limit);
        let changed = changed.await?;
        let numbered = |document| (V::mirrored(&document).last(), document);
        let mut all: Vec<_> = changed.into_iter().map(numbered).collect();
        // Those that never changed are found by passing over all others, so only
        // as far as this page may reach.
        let (after, mut end) = range;
        if let Some((last, _)) = all.last().filter(|_| all.len() == limit) {
            end = *last;
        }
        let unchanged = doc! {"changed": Bson::Null};
        let new = self.within(partition, "recorded", (after, end), unchanged, limit);
        all.extend(new.await?.into_iter().map(numbered));
        all.extend(self.released(log, partition, range, limit).await?);
        all.sort_by_key(|(number, _)| *number);
        all.truncate(limit);
        Ok(all)
    }

    /// Returns the documents that decisions of a partition released, with the
    /// numbers of the decisions.
    async fn released(
        &self,
        log: &Log,
        partition: Partition,
        range: (i64, i64),
        limit: usize,
    ) -> Result<Vec<(i64, V::Document)>, QueryError> {
        let decided = self
            .store
            .decided_within(&log.epoch(), V::NAME, partition, range, limit)
            .await?;
        let mut released = Vec::new();
        for (number, event) in decided {
            let entry = log.entries(&[event]).await?.pop().flatten();
            // A trimmed event cannot be retried, so its document stays set
            // aside.
            let Some(subject) = entry.and_then(|entry| Subject::parse(&entry.key).ok()) else {
                continue;
            };
            let Some(id) = V::document_of(&subject, event) else {
                continue;
            };
            let mut filter = self.filter.clone();
            filter.insert("_id", id);
            let found = self.documents.find_one(filter).await?;
            released.extend(found.map(|document| (number, document)));
        }
        Ok(released)
    }
}

/// Returns a page of documents by partition and the number of the first event.
pub(crate) async fn recorded_page<V: MirroredView>(
    store: &Store,
    filter: Document,
    page: &PageRequest,
) -> Result<Page<V::Document>, QueryError> {
    let start = page.after::<RecordedStart>()?;
    let reader = MirrorReader::<V>::open(store, filter).await?;
    let (mut partition, mut after) = match start {
        None => (0, 0),
        Some((_, epoch, partition, number)) if epoch == reader.epoch => (partition, number),
        Some(_) => return Err(PageError.into()),
    };
    let mut items: Vec<(Partition, V::Document)> = Vec::new();
    let wanted = page.limit + 1;
    for (&next, &end) in reader.ends.range(partition..) {
        if next > partition {
            (partition, after) = (next, 0);
        }
        let left = wanted - items.len();
        let found = reader.within(next, "recorded", (after, end), doc! {}, left);
        items.extend(found.await?.into_iter().map(|document| (next, document)));
        if items.len() == wanted {
            break;
        }
    }
    let cut = page.cut(items, |(partition, document)| -> RecordedStart {
        let number = V::mirrored(document).recorded;
        (
            RecordedList::Recorded,
            reader.epoch.clone(),
            *partition,
            number,
        )
    });
    Ok(Page {
        items: cut
            .items
            .into_iter()
            .map(|(_, document)| document)
            .collect(),
        next_cursor: cut.next_cursor,
    })
}

/// Returns a page of documents by the number of the last event, one partition
/// after the other. Pages take turns among the partitions, so that many changes
/// in one do not hold back the others.
pub(crate) async fn changed_page<V: MirroredView>(
    store: &Store,
    log: &Log,
    filter: Document,
    page: &PageRequest,
) -> Result<ChangedPage<V::Document>, QueryError> {
    let start = page.after::<ChangedStart>()?;
    let reader = MirrorReader::<V>::open(store, filter).await?;
    let partitions = log.layout().partitions();
    let (first, mut numbers) = match start {
        None => (0, vec![0; usize::from(partitions)]),
        Some((_, epoch, first, numbers))
            if epoch == reader.epoch
                && numbers.len() == usize::from(partitions)
                && first < partitions =>
        {
            (first, numbers)
        }
        Some(_) => return Err(PageError.into()),
    };
    let mut items = Vec::new();
    let mut next = None;
    for partition in (first..partitions).chain(0..first) {
        let number = &mut numbers[usize::from(partition)];
        let end = reader.ends.get(&partition).copied().unwrap_or(0);
        if end <= *number {
            continue;
        }
        let left = page.limit - items.len();
        // One more than fits shows if there are more.
        let range = (*number, end);
        let mut found = reader.changes(log, partition, range, left + 1).await?;
        let has_more = found.len() > left;
        found.truncate(left);
        match (has_more, found.last()) {
            (false, _) => *number = end,
            (true, Some((last, _))) => *number = *last,
            // The page was full before this partition.
            (true, None) => {}
        }
        items.extend(found.into_iter().map(|(_, document)| document));
        if has_more {
            next = Some(match left {
                0 => partition,
                _ => (partition + 1) % partitions,
            });
            break;
        }
    }
    let start = (
        ChangedList::Changed,
        reader.epoch.clone(),
        next.unwrap_or(first),
        numbers,
    );
    let cursor = cursor::<ChangedStart>(&start);
    let (next_cursor, resume_cursor) = match next {
        Some(_) => (Some(cursor), None),
        None => (None, Some(cursor)),
    };
    Ok(ChangedPage {
        page: Page { items, next_cursor },
        resume_cursor,
    })
}

//! Reads of documents by number, within the checkpoints.

use std::collections::BTreeMap;

use bson::{Bson, Document, doc};
use domain::Subject;
use eventlog::{Log, Partition, Position};
use futures::TryStreamExt;

use super::MirroredView;
use crate::runtime::store::{QueryError, Store};

/// Documents of one generation that are listed by number.
pub(super) struct MirrorReader<'a, V: MirroredView> {
    store: &'a Store,
    documents: mongodb::Collection<V::Document>,
    pub(super) epoch: String,
    /// Number of the last event that is folded, by partition.
    pub(super) ends: BTreeMap<Partition, i64>,
    filter: Document,
}

impl<'a, V: MirroredView> MirrorReader<'a, V> {
    /// Opens the serving generation.
    ///
    /// # Errors
    /// [`QueryError::Outdated`] if its documents lack the numbers.
    pub(super) async fn open(store: &'a Store, filter: Document) -> Result<Self, QueryError> {
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
    pub(super) async fn within(
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
    pub(super) async fn changes(
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

    /// Returns the first documents that decisions of a partition released, with
    /// the numbers of the decisions.
    async fn released(
        &self,
        log: &Log,
        partition: Partition,
        range: (i64, i64),
        limit: usize,
    ) -> Result<Vec<(i64, V::Document)>, QueryError> {
        let decided = self
            .store
            .decided_within(&log.epoch(), V::NAME, partition, range)
            .await?;
        let mut released = Vec::new();
        for (number, event) in decided {
            if released.len() == limit {
                break;
            }
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

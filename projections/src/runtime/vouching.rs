//! The checkpoint of a partition: how far its owner has folded all generations
//! that it vouches for.
//!
//! Other generations have checkpoints of their own (see `checkpoint`).
//!
//! **Fencing.** Each process that takes a partition raises `owner_epoch`. Every
//! write is guarded by it, so that writes of an earlier owner do not match.

use std::collections::BTreeMap;
use std::sync::Arc;

use bson::{Binary, Document, doc};
use eventlog::{Partition, Position};
use futures::TryStreamExt;
use mongodb::Collection;
use mongodb::error::Error;
use mongodb::options::ReturnDocument;
use serde::{Deserialize, Serialize};

use crate::runtime::store::{Store, collection_name, stored_position};

/// A partition's checkpoint, as stored in the collection `partitions`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartitionCheckpoint {
    /// Partition of the log.
    #[serde(rename = "_id")]
    pub partition: i32,
    /// Number of the last event folded into every generation that this
    /// checkpoint vouches for.
    pub number: i64,
    /// Fingerprint of that event; empty before the first.
    pub fingerprint: String,
    /// Epoch of the log that the event was read from.
    pub epoch: String,
    /// Fencing token, raised by every process that takes the partition. Only
    /// the process that raised it last can move the checkpoint.
    pub owner_epoch: i64,
    /// Name of the process that raised `owner_epoch` last.
    pub owner: String,
    /// Generations that this checkpoint vouches for, by the name of their
    /// collection.
    #[serde(default)]
    pub generations: BTreeMap<String, Vouched>,
}

/// Details of a generation that a partition's checkpoint vouches for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Vouched {
    /// Number of events of unknown types that were passed over.
    #[serde(default)]
    pub skipped: i64,
    /// UUID of the collection, if the server reports one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Binary>,
}

impl PartitionCheckpoint {
    /// Returns the position of the last event folded.
    pub fn position(&self) -> Position {
        stored_position(self.partition, self.number)
    }

    /// Returns the details of a generation; `None` if this checkpoint does not
    /// vouch for it.
    pub fn vouched(&self, view: &str, generation: i32) -> Option<&Vouched> {
        self.generations.get(&collection_name(view, generation))
    }
}

/// Position to move a partition's checkpoint to.
pub(crate) struct CheckpointPosition {
    pub(crate) at: Position,
    pub(crate) fingerprint: String,
    pub(crate) epoch: Arc<str>,
}

/// Checkpoints of all partitions.
#[derive(Clone)]
pub(crate) struct PartitionCheckpoints(Collection<PartitionCheckpoint>);

impl PartitionCheckpoints {
    pub(crate) fn of(store: &Store) -> Self {
        Self(store.database().collection("partitions"))
    }

    pub(crate) async fn all(&self) -> Result<Vec<PartitionCheckpoint>, Error> {
        self.0.find(doc! {}).await?.try_collect().await
    }

    /// Makes a process the owner of a partition. The earlier owner cannot move
    /// the checkpoint afterwards. The returned state survives a failover.
    pub(crate) async fn acquire(
        &self,
        partition: Partition,
        owner: &str,
    ) -> Result<PartitionCheckpoint, Error> {
        let take = doc! {
            "$inc": {"owner_epoch": 1_i64},
            "$set": {"owner": owner},
            "$setOnInsert": {"number": 0_i64, "fingerprint": "", "epoch": "", "generations": {}},
        };
        let taken = self
            .0
            .find_one_and_update(doc! {"_id": i32::from(partition)}, take)
            .upsert(true)
            .return_document(ReturnDocument::After)
            .await?;
        taken.ok_or_else(|| Error::custom("an upsert returned no document"))
    }

    /// Moves a checkpoint forward and removes generations that it no longer
    /// vouches for. Returns false if another process has taken the partition,
    /// or the checkpoint is already further.
    pub(crate) async fn advance(
        &self,
        owner_epoch: i64,
        to: &CheckpointPosition,
        skipped: &[(String, i64)],
        removed: &[String],
    ) -> Result<bool, Error> {
        let number = to.at.number as i64;
        let mut update = doc! {"$set": position_fields(to)};
        let skipped: Document = skipped
            .iter()
            .map(|(name, count)| (format!("generations.{name}.skipped"), (*count).into()))
            .collect();
        if !skipped.is_empty() {
            update.insert("$inc", skipped);
        }
        if !removed.is_empty() {
            update.insert("$unset", fields(removed));
        }
        let guard = doc! {"number": {"$lte": number}};
        self.write(to.at.partition, owner_epoch, guard, update)
            .await
    }

    /// Adds generations, all folded to the checkpoint's position. A checkpoint
    /// that vouches for none is moved to that position. Returns false if
    /// another process has taken the partition, or the checkpoint is at another
    /// position.
    pub(crate) async fn add(
        &self,
        owner_epoch: i64,
        at: &CheckpointPosition,
        added: &[(String, Vouched)],
    ) -> Result<bool, Error> {
        let mut set = position_fields(at);
        for (name, vouched) in added {
            let vouched = bson::serialize_to_document(vouched)?;
            set.insert(format!("generations.{name}"), vouched);
        }
        let guard = doc! {"$or": [{"number": at.at.number as i64}, {"generations": {}}]};
        let update = doc! {"$set": set};
        self.write(at.at.partition, owner_epoch, guard, update)
            .await
    }

    /// Removes generations. Returns false if another process has taken the
    /// partition.
    pub(crate) async fn remove(
        &self,
        partition: Partition,
        owner_epoch: i64,
        removed: &[String],
    ) -> Result<bool, Error> {
        let update = doc! {"$unset": fields(removed)};
        self.write(partition, owner_epoch, doc! {}, update).await
    }

    async fn write(
        &self,
        partition: Partition,
        owner_epoch: i64,
        guard: Document,
        update: Document,
    ) -> Result<bool, Error> {
        let mut filter = doc! {"_id": i32::from(partition), "owner_epoch": owner_epoch};
        filter.extend(guard);
        let written = self.0.update_one(filter, update).await?;
        Ok(written.matched_count == 1)
    }
}

impl Store {
    /// Returns whether any event was ever folded into a view.
    pub(crate) async fn has_folded(&self) -> Result<bool, Error> {
        for name in ["partitions", "checkpoints"] {
            let checkpoints = self.database().collection::<Document>(name);
            let filter = doc! {"number": {"$gt": 0}};
            if checkpoints.find_one(filter).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn position_fields(position: &CheckpointPosition) -> Document {
    doc! {
        "number": position.at.number as i64,
        "fingerprint": &position.fingerprint,
        "epoch": &*position.epoch,
    }
}

fn fields(names: &[String]) -> Document {
    let field = |name: &String| (format!("generations.{name}"), "".into());
    names.iter().map(field).collect()
}

//! A partition's checkpoint: how far its owner has folded all the generations
//! that it vouches for.
//!
//! Generations that it does not vouch for have a checkpoint of their own (see
//! `checkpoint`).

use std::collections::BTreeMap;
use std::sync::Arc;

use bson::{Binary, Document, doc};
use eventlog::{Partition, Position};
use futures::TryStreamExt;
use mongodb::Collection;
use mongodb::error::Error;
use mongodb::options::ReturnDocument;
use serde::{Deserialize, Serialize};

use crate::Store;
use crate::store::collection_name;

/// A partition's checkpoint, as it stands in the collection `partitions`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartitionCheckpoint {
    /// The partition.
    #[serde(rename = "_id")]
    pub partition: i32,
    /// The last event folded into every generation that it vouches for.
    pub number: i64,
    /// That event's fingerprint; empty for none.
    pub fingerprint: String,
    /// The epoch of the log that it was read from.
    pub epoch: String,
    /// Raised by every process that takes the partition. Only the process that
    /// raised it last moves the checkpoint.
    pub owner_epoch: i64,
    /// The process that raised it last.
    pub owner: String,
    /// The generations that it vouches for, by the name of their collection.
    #[serde(default)]
    pub generations: BTreeMap<String, Vouched>,
}

/// What is known of a generation that a partition's checkpoint vouches for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Vouched {
    /// How many events of unknown types were passed over.
    #[serde(default)]
    pub skipped: i64,
    /// The collection's UUID, if the server tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Binary>,
}

impl PartitionCheckpoint {
    /// The last event folded.
    pub fn position(&self) -> Position {
        Position {
            partition: Partition::try_from(self.partition).unwrap_or_default(),
            number: u64::try_from(self.number).unwrap_or_default(),
        }
    }

    /// What is known of a generation; `None` if this does not vouch for it.
    pub fn vouched(&self, view: &str, generation: i32) -> Option<&Vouched> {
        self.generations.get(&collection_name(view, generation))
    }
}

/// A place to move a partition's checkpoint to.
pub(crate) struct Place {
    pub(crate) at: Position,
    pub(crate) fingerprint: String,
    pub(crate) epoch: Arc<str>,
}

/// The checkpoints of all partitions.
#[derive(Clone)]
pub(crate) struct PartitionCheckpoints(Collection<PartitionCheckpoint>);

impl PartitionCheckpoints {
    pub(crate) fn of(store: &Store) -> Self {
        Self(store.database().collection("partitions"))
    }

    pub(crate) async fn all(&self) -> Result<Vec<PartitionCheckpoint>, Error> {
        self.0.find(doc! {}).await?.try_collect().await
    }

    /// Takes a partition: its earlier owner cannot move the checkpoint any more.
    /// What is returned stays, whatever server becomes primary.
    pub(crate) async fn take(
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

    /// Moves a checkpoint forward, and takes away what it does not vouch for any
    /// more. Returns false if another process has taken the partition, or the
    /// checkpoint is further already.
    pub(crate) async fn advance(
        &self,
        owner_epoch: i64,
        to: &Place,
        skipped: &[(String, i64)],
        left: &[String],
    ) -> Result<bool, Error> {
        let number = to.at.number as i64;
        let mut update = doc! {"$set": place(to)};
        let skipped: Document = skipped
            .iter()
            .map(|(name, count)| (format!("generations.{name}.skipped"), (*count).into()))
            .collect();
        if !skipped.is_empty() {
            update.insert("$inc", skipped);
        }
        if !left.is_empty() {
            update.insert("$unset", fields(left));
        }
        let guard = doc! {"number": {"$lte": number}};
        self.write(to.at.partition, owner_epoch, guard, update)
            .await
    }

    /// Vouches for further generations, all folded to the place where the
    /// checkpoint is. One that vouches for none is moved there.
    pub(crate) async fn join(
        &self,
        owner_epoch: i64,
        at: &Place,
        joining: &[(String, Vouched)],
    ) -> Result<bool, Error> {
        let mut set = place(at);
        for (name, vouched) in joining {
            let vouched = bson::serialize_to_document(vouched)?;
            set.insert(format!("generations.{name}"), vouched);
        }
        let guard = doc! {"$or": [{"number": at.at.number as i64}, {"generations": {}}]};
        let update = doc! {"$set": set};
        self.write(at.at.partition, owner_epoch, guard, update)
            .await
    }

    /// Vouches for some generations no more.
    pub(crate) async fn leave(
        &self,
        partition: Partition,
        owner_epoch: i64,
        left: &[String],
    ) -> Result<bool, Error> {
        let update = doc! {"$unset": fields(left)};
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
    /// Whether any event was ever folded into a view.
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

fn place(place: &Place) -> Document {
    doc! {
        "number": place.at.number as i64,
        "fingerprint": &place.fingerprint,
        "epoch": &*place.epoch,
    }
}

fn fields(names: &[String]) -> Document {
    let field = |name: &String| (format!("generations.{name}"), "".into());
    names.iter().map(field).collect()
}

//! Checkpoints of a view's generation, one per partition. A generation has
//! checkpoints of its own, except where the partition's checkpoint vouches for
//! it.

use std::sync::Arc;

use bson::{Binary, doc};
use eventlog::{Partition, Position};
use futures::TryStreamExt;
use mongodb::Collection;
use mongodb::options::ReadConcern;
use serde::{Deserialize, Serialize};

use crate::runtime::store::{Store, stored_position};
use crate::runtime::vouching::{PartitionCheckpoints, Vouched};
use crate::runtime::writes::{DUPLICATE, failed_only_with};

/// A checkpoint, as stored in the collection `checkpoints`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    #[serde(rename = "_id")]
    id: String,
    /// Name of the view.
    pub view: String,
    /// Number of the generation.
    pub generation: i32,
    /// Partition of the log.
    pub partition: i32,
    /// Number of the last event folded; 0 before the first.
    pub number: i64,
    /// Fingerprint of that event; empty before the first.
    pub fingerprint: String,
    /// Epoch of the log that the event was read from.
    #[serde(default)]
    pub epoch: String,
    /// Number of events of unknown types that were passed over.
    #[serde(default)]
    pub skipped: i64,
    /// Reason why the view is stalled here, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// UUID of the collection that was folded into, if the server reports one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Binary>,
}

impl Checkpoint {
    /// Returns the position of the last event folded.
    pub fn position(&self) -> Position {
        stored_position(self.partition, self.number)
    }
}

/// Checkpoints of one generation of a view.
#[derive(Clone)]
pub(crate) struct Checkpoints {
    collection: Collection<Checkpoint>,
    partitions: PartitionCheckpoints,
    view: &'static str,
    generation: i32,
}

/// New state of a checkpoint.
pub(crate) struct Advance {
    pub(crate) to: Position,
    pub(crate) fingerprint: String,
    pub(crate) epoch: Arc<str>,
    pub(crate) skipped: i64,
    /// UUID of the collection that was folded into; `None` leaves the stored
    /// one.
    pub(crate) uuid: Option<Binary>,
}

impl Checkpoints {
    pub(crate) fn of(store: &Store, view: &'static str, generation: i32) -> Self {
        Self {
            collection: store.database().collection("checkpoints"),
            partitions: PartitionCheckpoints::of(store),
            view,
            generation,
        }
    }

    fn id(&self, partition: Partition) -> String {
        format!("{}_g{}/{partition}", self.view, self.generation)
    }

    /// Loads the generation's own checkpoint, to fold from. A checkpoint that a
    /// failover could still undo is not returned: a projector that resumed
    /// there would wait for the next event, and the checkpoint would stay
    /// behind it.
    pub(crate) async fn load(
        &self,
        partition: Partition,
    ) -> Result<Option<Checkpoint>, mongodb::error::Error> {
        self.collection
            .find_one(doc! {"_id": self.id(partition)})
            .read_concern(ReadConcern::majority())
            .await
    }

    /// Returns the checkpoint of each partition, the generation's own or the
    /// partition's, in no particular order.
    pub(crate) async fn all(&self) -> Result<Vec<Checkpoint>, mongodb::error::Error> {
        // Partition checkpoints first: a generation that leaves one has its own
        // checkpoint by then, so that no partition is missed in between.
        let partitions = self.partitions.all().await?;
        let mut all: Vec<Checkpoint> = partitions
            .iter()
            .filter_map(|partition| {
                let vouched = partition.vouched(self.view, self.generation)?;
                Some(Checkpoint {
                    id: self.id(partition.position().partition),
                    view: self.view.to_owned(),
                    generation: self.generation,
                    partition: partition.partition,
                    number: partition.number,
                    fingerprint: partition.fingerprint.clone(),
                    epoch: partition.epoch.clone(),
                    skipped: vouched.skipped,
                    stopped: None,
                    uuid: vouched.uuid.clone(),
                })
            })
            .collect();
        let vouched: Vec<i32> = all.iter().map(|c| c.partition).collect();
        let filter = doc! {
            "view": self.view,
            "generation": self.generation,
            "partition": {"$nin": vouched},
        };
        let own = self.collection.find(filter).await?;
        all.extend(own.try_collect::<Vec<_>>().await?);
        Ok(all)
    }

    /// Moves a checkpoint forward, never back, and clears its stop reason.
    pub(crate) async fn advance(&self, advance: &Advance) -> Result<(), mongodb::error::Error> {
        let Position { partition, number } = advance.to;
        let number = number as i64;
        let filter = doc! {"_id": self.id(partition), "number": {"$lt": number}};
        let mut update = doc! {
            "$set": {
                "view": self.view,
                "generation": self.generation,
                "partition": i32::from(partition),
                "number": number,
                "fingerprint": advance.fingerprint.as_str(),
                "epoch": &*advance.epoch,
            },
            "$inc": {"skipped": advance.skipped},
            "$unset": {"stopped": ""},
        };
        if let (Some(uuid), Ok(set)) = (&advance.uuid, update.get_document_mut("$set")) {
            set.insert("uuid", uuid);
        }
        let moved = self
            .collection
            .update_one(filter, update)
            .upsert(true)
            .await;
        match moved {
            Ok(_) => Ok(()),
            // The filter did not match, so the upsert failed on a checkpoint
            // that is at the same position or further, and that no failover
            // undoes: another projector was faster.
            Err(error) if failed_only_with(&error, DUPLICATE) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Copies the partition checkpoint's knowledge of the generation, the
    /// collection's UUID and the number of events passed over, into an existing
    /// checkpoint.
    pub(crate) async fn remember(
        &self,
        partition: Partition,
        vouched: &Vouched,
    ) -> Result<(), mongodb::error::Error> {
        let mut update = doc! {"$max": {"skipped": vouched.skipped}};
        if let Some(uuid) = &vouched.uuid {
            update.insert("$set", doc! {"uuid": uuid});
        }
        self.collection
            .update_one(doc! {"_id": self.id(partition)}, update)
            .await
            .map(|_| ())
    }

    /// Records why the view is stalled.
    pub(crate) async fn stop(
        &self,
        partition: Partition,
        reason: &str,
    ) -> Result<(), mongodb::error::Error> {
        let update = doc! {
            "$set": {"stopped": reason},
            "$setOnInsert": {
                "view": self.view,
                "generation": self.generation,
                "partition": i32::from(partition),
                "number": 0i64,
                "fingerprint": "",
                "skipped": 0i64,
            },
        };
        self.collection
            .update_one(doc! {"_id": self.id(partition)}, update)
            .upsert(true)
            .await
            .map(|_| ())
    }

    /// Removes the reason that [`Self::stop`] recorded.
    pub(crate) async fn clear_stop(
        &self,
        partition: Partition,
    ) -> Result<(), mongodb::error::Error> {
        self.collection
            .update_one(
                doc! {"_id": self.id(partition)},
                doc! {"$unset": {"stopped": ""}},
            )
            .await
            .map(|_| ())
    }

    pub(crate) async fn drop(&self) -> Result<(), mongodb::error::Error> {
        let filter = doc! {"view": self.view, "generation": self.generation};
        self.collection.delete_many(filter).await.map(|_| ())
    }
}

//! How far a generation of a view is folded, partition by partition: the
//! checkpoint of its own, or the partition's where that vouches for it.

use std::sync::Arc;

use bson::{Binary, doc};
use eventlog::{Partition, Position};
use futures::TryStreamExt;
use mongodb::Collection;
use mongodb::options::ReadConcern;
use serde::{Deserialize, Serialize};

use crate::Store;
use crate::vouching::{PartitionCheckpoint, PartitionCheckpoints, Vouched};
use crate::writes::{DUPLICATE, failed_only_with};

/// A checkpoint, as it stands in the collection `checkpoints`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    #[serde(rename = "_id")]
    id: String,
    /// The view.
    pub view: String,
    /// The generation.
    pub generation: i32,
    /// The partition.
    pub partition: i32,
    /// The last event folded.
    pub number: i64,
    /// That event's fingerprint.
    pub fingerprint: String,
    /// The epoch of the log that it was read from.
    #[serde(default)]
    pub epoch: String,
    /// How many events of unknown types were passed over.
    #[serde(default)]
    pub skipped: i64,
    /// Why the view stands still here, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// The UUID of the collection that it was folded into, if the server tells
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Binary>,
}

impl Checkpoint {
    /// The last event folded.
    pub fn position(&self) -> Position {
        Position {
            partition: Partition::try_from(self.partition).unwrap_or_default(),
            number: u64::try_from(self.number).unwrap_or_default(),
        }
    }
}

/// The checkpoints of one generation of a view.
#[derive(Clone)]
pub(crate) struct Checkpoints {
    collection: Collection<Checkpoint>,
    partitions: PartitionCheckpoints,
    view: &'static str,
    generation: i32,
}

/// Where to move a checkpoint.
pub(crate) struct Advance {
    pub(crate) to: Position,
    pub(crate) fingerprint: String,
    pub(crate) epoch: Arc<str>,
    pub(crate) skipped: i64,
    /// Of the collection that was folded into.
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

    /// The generation's own checkpoint, to fold from. One that a failover could still undo is not
    /// seen: a projector that resumed there would wait for the next event, and
    /// the checkpoint would stay behind it.
    pub(crate) async fn load(
        &self,
        partition: Partition,
    ) -> Result<Option<Checkpoint>, mongodb::error::Error> {
        self.collection
            .find_one(doc! {"_id": self.id(partition)})
            .read_concern(ReadConcern::majority())
            .await
    }

    /// How far each partition is, in no order.
    pub(crate) async fn all(&self) -> Result<Vec<Checkpoint>, mongodb::error::Error> {
        // In this order: a generation that leaves has its own checkpoint first.
        let partitions = self.partitions.all().await?;
        let mut all: Vec<Checkpoint> = partitions
            .iter()
            .filter_map(|partition| self.vouched_by(partition))
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

    fn vouched_by(&self, partition: &PartitionCheckpoint) -> Option<Checkpoint> {
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
    }

    /// Moves a checkpoint forward, never back, and clears its stop.
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
            // The upsert found a checkpoint already as far, which no failover
            // undoes: another projector was quicker.
            Err(error) if failed_only_with(&error, DUPLICATE) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Remembers what the partition's checkpoint knew of the generation, where
    /// there is a checkpoint: its collection, and how many events it passed
    /// over.
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

    /// Says why the view stands still.
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

    /// Takes back what [`Self::stop`] said.
    pub(crate) async fn go_on(&self, partition: Partition) -> Result<(), mongodb::error::Error> {
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

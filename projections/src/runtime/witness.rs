//! The read models as a witness of the log: its epoch and the positions folded
//! from it. A log that lost events is recognized by comparison with them.

use std::collections::BTreeMap;

use bson::{Document, doc};
use eventlog::{KnownLog, Partition, Position, Witness};
use futures::TryStreamExt;
use futures::future::{BoxFuture, FutureExt};
use mongodb::Collection;
use mongodb::error::Error;
use mongodb::options::{CollectionOptions, ReadConcern};
use serde::{Deserialize, Serialize};

use crate::runtime::checkpoint::Checkpoint;
use crate::runtime::store::Store;
use crate::runtime::vouching::PartitionCheckpoints;
use crate::runtime::writes::{DUPLICATE, failed_only_with};

/// Id of the only document, since there is one log.
const ID: &str = "log";

#[derive(Serialize, Deserialize)]
struct LogDocument {
    #[serde(rename = "_id")]
    id: String,
    epoch: String,
    created: bool,
}

impl Store {
    fn log_documents(&self) -> Collection<LogDocument> {
        // Events are accepted or rejected by this state, so a failover must not
        // undo it.
        let options = CollectionOptions::builder()
            .read_concern(ReadConcern::majority())
            .build();
        self.database().collection_with_options("log", options)
    }

    /// Returns the epoch of the log that views are folded from; `None` before a
    /// log was introduced.
    pub(crate) async fn log_epoch(&self) -> Result<Option<String>, Error> {
        let found = self.log_documents().find_one(doc! {"_id": ID}).await?;
        Ok(found.map(|found| found.epoch))
    }

    async fn load_known_log(&self) -> Result<Option<KnownLog>, Error> {
        let found = self.log_documents().find_one(doc! {"_id": ID}).await?;
        let Some(LogDocument { epoch, created, .. }) = found else {
            return Ok(None);
        };
        let checkpoints = self.database().collection::<Checkpoint>("checkpoints");
        let mut furthest: BTreeMap<Partition, u64> = BTreeMap::new();
        let mut note = |Position { partition, number }| {
            let known = furthest.entry(partition).or_default();
            *known = number.max(*known);
        };
        let mut found = checkpoints.find(doc! {"epoch": &epoch}).await?;
        while let Some(checkpoint) = found.try_next().await? {
            note(checkpoint.position());
        }
        let partitions = PartitionCheckpoints::of(self).all().await?;
        let of_this_log = partitions.iter().filter(|c| c.epoch == epoch);
        of_this_log.for_each(|checkpoint| note(checkpoint.position()));
        let position = |(partition, number)| Position { partition, number };
        Ok(Some(KnownLog {
            epoch,
            created,
            positions: furthest.into_iter().map(position).collect(),
        }))
    }

    async fn insert_epoch(&self, epoch: &str) -> Result<String, Error> {
        let new = LogDocument {
            id: ID.to_owned(),
            epoch: epoch.to_owned(),
            created: false,
        };
        match self.log_documents().insert_one(new).await {
            Ok(_) => Ok(epoch.to_owned()),
            // Another process was first; its epoch is used.
            Err(error) if failed_only_with(&error, DUPLICATE) => {
                let found = self.log_documents().find_one(doc! {"_id": ID}).await?;
                Ok(found.map_or_else(|| epoch.to_owned(), |found| found.epoch))
            }
            Err(error) => Err(error),
        }
    }

    async fn update_log(
        &self,
        filter: Document,
        update: Document,
        upsert: bool,
    ) -> Result<(), Error> {
        let documents = self.log_documents();
        let updated = documents.update_one(filter, update).upsert(upsert).await;
        updated.map(|_| ())
    }
}

impl Witness for Store {
    fn recall(&self) -> BoxFuture<'_, Result<Option<KnownLog>, String>> {
        async { self.load_known_log().await.map_err(error_text) }.boxed()
    }

    fn introduce<'a>(&'a self, epoch: &'a str) -> BoxFuture<'a, Result<String, String>> {
        async { self.insert_epoch(epoch).await.map_err(error_text) }.boxed()
    }

    fn mark_created<'a>(&'a self, epoch: &'a str) -> BoxFuture<'a, Result<(), String>> {
        let filter = doc! {"_id": ID, "epoch": epoch};
        let update = doc! {"$set": {"created": true}};
        async {
            self.update_log(filter, update, false)
                .await
                .map_err(error_text)
        }
        .boxed()
    }

    fn replace<'a>(&'a self, epoch: &'a str) -> BoxFuture<'a, Result<(), String>> {
        let update = doc! {"$set": {"epoch": epoch, "created": true}};
        async {
            self.update_log(doc! {"_id": ID}, update, true)
                .await
                .map_err(error_text)
        }
        .boxed()
    }
}

fn error_text(error: Error) -> String {
    format!("MongoDB: {error}")
}

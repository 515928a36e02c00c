//! Numbers of rebuild requests that are done, by the key of the view's aggregate.

use bson::{Document, doc};
use eventlog::{Key, Log};
use mongodb::Collection;

use crate::runtime::store::{QueryError, Store};

impl Store {
    /// Returns how many of the rebuilds that were requested under this key are done.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn completed_rebuilds(&self, log: &Log, key: &Key) -> Result<i64, QueryError> {
        // A number from another epoch is ignored: a restored log may hold fewer
        // requests than were carried out, and a new request would then look done.
        let filter = doc! {"_id": id(key), "epoch": &*log.epoch()};
        let found = self.reactors().find_one(filter).await?;
        Ok(found.map_or(0, |found| found.get_i64("done").unwrap_or_default()))
    }

    /// Sets how many of the rebuilds that were requested under this key are done.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn set_completed_rebuilds(
        &self,
        log: &Log,
        key: &Key,
        done: i64,
    ) -> Result<(), QueryError> {
        let update = doc! {"$set": {"done": done, "epoch": &*log.epoch()}};
        let reactors = self.reactors();
        let updating = reactors.update_one(doc! {"_id": id(key)}, update);
        updating.upsert(true).await?;
        Ok(())
    }

    fn reactors(&self) -> Collection<Document> {
        self.database().collection("reactors")
    }
}

fn id(key: &Key) -> String {
    format!("rebuild {key}")
}

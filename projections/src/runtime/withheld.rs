//! Notes of events that generations of views cannot fold, and of the documents
//! that they affect.

use std::collections::{HashMap, HashSet};

use bson::{DateTime, Document, doc};
use eventlog::{Log, Partition, Position};
use futures::TryStreamExt;
use mongodb::Collection;
use mongodb::options::ReadConcern;
use serde::{Deserialize, Serialize};

use crate::runtime::decisions::{SkippedEvents, Until};
use crate::runtime::generation::Generation;
use crate::runtime::store::{QueryError, Store, stored_position};
use crate::runtime::writes::{DUPLICATE, failed_only_with};

/// A document that is set aside, or an event that a shared document leaves out,
/// as stored in the collection `quarantine`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    #[serde(rename = "_id")]
    id: String,
    /// Name of the view.
    pub view: String,
    /// Generation of the view.
    pub generation: i32,
    partition: i32,
    number: i64,
    /// Id of the document in the view.
    pub document: String,
    /// True if the document leaves out this event only. Otherwise the event and
    /// all later ones wait.
    pub is_left_out: bool,
    /// Reason why the event cannot be folded.
    pub reason: String,
    /// Time of the note.
    pub since: DateTime,
}

impl Withheld {
    /// Returns a note that an event cannot be folded into a document.
    pub(crate) fn new(
        Generation { view, number }: Generation,
        event: Position,
        document: &str,
        reason: &str,
    ) -> Self {
        let is_left_out = view.is_shared();
        Self {
            id: match is_left_out {
                true => event_note_id(view.name(), number, event),
                false => document_note_id(view.name(), number, document),
            },
            view: view.name().to_owned(),
            generation: number,
            partition: i32::from(event.partition),
            number: event.number as i64,
            document: document.to_owned(),
            is_left_out,
            reason: reason.to_owned(),
            since: DateTime::now(),
        }
    }

    /// Returns the effect on the document: `incomplete` or `set_aside`.
    pub fn effect(&self) -> &'static str {
        match self.is_left_out {
            true => "incomplete",
            false => "set_aside",
        }
    }

    /// Returns the position of the event that cannot be folded.
    pub fn position(&self) -> Position {
        stored_position(self.partition, self.number)
    }
}

/// Events withheld from a generation of a view in one partition.
#[derive(Debug, Clone, Default)]
pub(crate) struct WithheldEvents {
    /// First event that waits, by document.
    pub(crate) set_aside: HashMap<String, u64>,
    /// Events that shared documents leave out.
    pub(crate) left_out: HashSet<u64>,
    pub(crate) skipped: SkippedEvents,
}

impl WithheldEvents {
    /// Returns whether an event may be folded into its document.
    pub(crate) fn admits(&self, document: &str, number: u64) -> bool {
        let waits = self
            .set_aside
            .get(document)
            .is_some_and(|first| number >= *first);
        !waits && !self.left_out.contains(&number) && !self.skipped.contains(number)
    }

    /// Returns the first event that waits for a document; `None` if the
    /// document is not set aside.
    pub(crate) fn set_aside(&self, document: &str) -> Option<u64> {
        self.set_aside.get(document).copied()
    }
}

/// Writes a note, unless the document has a later one: then another process is
/// ahead of this one and has carried out a decision.
pub(crate) async fn write_note(
    collection: Collection<Withheld>,
    note: Withheld,
) -> Result<(), mongodb::error::Error> {
    let filter = doc! {"_id": &note.id, "number": {"$lte": note.number}};
    match collection.replace_one(filter, &note).upsert(true).await {
        Ok(_) => Ok(()),
        Err(error) if failed_only_with(&error, DUPLICATE) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Returns the id of the note of a document that is set aside.
pub(crate) fn document_note_id(view: &str, generation: i32, document: &str) -> String {
    format!("{view}_g{generation}/{document}")
}

/// Returns the id of the note of an event that its document leaves out.
pub(crate) fn event_note_id(view: &str, generation: i32, event: Position) -> String {
    format!("{view}_g{generation}/{event}")
}

impl Store {
    pub(crate) fn quarantine(&self) -> Collection<Withheld> {
        self.database().collection("quarantine")
    }

    pub(crate) async fn drop_withheld(
        &self,
        view: &str,
        generation: i32,
    ) -> Result<(), mongodb::error::Error> {
        let filter = doc! {"view": view, "generation": generation};
        self.quarantine().delete_many(filter).await.map(|_| ())
    }

    /// Returns the events withheld from a generation in one partition.
    pub(crate) async fn withheld_in(
        &self,
        log: &Log,
        view: &str,
        generation: i32,
        partition: Partition,
        until: Until,
    ) -> Result<WithheldEvents, mongodb::error::Error> {
        let filter =
            doc! {"view": view, "generation": generation, "partition": i32::from(partition)};
        let collection = self.quarantine();
        let notes = collection.find(filter);
        let notes = notes.read_concern(ReadConcern::majority()).await?;
        let notes: Vec<Withheld> = notes.try_collect().await?;
        let mut known = WithheldEvents {
            skipped: self.skipped_in(log, view, partition, until).await?,
            ..WithheldEvents::default()
        };
        for note in notes {
            let number = note.position().number;
            if note.is_left_out {
                known.left_out.insert(number);
            } else {
                known.set_aside.insert(note.document, number);
            }
        }
        Ok(known)
    }

    /// Returns the notes of the serving generations in the order of the log, up
    /// to `limit`. Notes of one event are adjacent.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn withheld(&self, limit: usize) -> Result<Vec<Withheld>, QueryError> {
        let Some(serving) = self.serving_filter().await? else {
            return Ok(Vec::new());
        };
        let found = self
            .quarantine()
            .find(serving)
            .sort(doc! {"partition": 1, "number": 1, "view": 1})
            .limit(limit as i64)
            .await?;
        Ok(found.try_collect().await?)
    }

    /// Returns the notes of a generation in the order of the log.
    pub(crate) async fn withheld_from(
        &self,
        view: &str,
        generation: i32,
    ) -> Result<Vec<Withheld>, mongodb::error::Error> {
        let filter = doc! {"view": view, "generation": generation};
        let collection = self.quarantine();
        let notes = collection.find(filter);
        let notes = notes.sort(doc! {"partition": 1, "number": 1}).await?;
        notes.try_collect().await
    }

    /// Returns the number of documents of a generation that are set aside.
    pub(crate) async fn count_set_aside(
        &self,
        view: &str,
        generation: i32,
    ) -> Result<u64, mongodb::error::Error> {
        let filter = doc! {"view": view, "generation": generation, "is_left_out": false};
        self.quarantine().count_documents(filter).await
    }

    /// Returns the views whose serving generations could not fold this event.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn views_without(&self, event: Position) -> Result<Vec<&'static str>, QueryError> {
        let withheld = self.withheld_at(event).await?;
        // Views that only another version of the program knows are left to that
        // program.
        let views = withheld.iter().filter_map(|one| self.view(&one.view));
        let mut views: Vec<&str> = views.map(|view| view.name()).collect();
        views.dedup();
        Ok(views)
    }

    /// Returns the notes of this event in the serving generations.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn withheld_at(&self, event: Position) -> Result<Vec<Withheld>, QueryError> {
        let Some(mut serving) = self.serving_filter().await? else {
            return Ok(Vec::new());
        };
        serving.insert("partition", i32::from(event.partition));
        serving.insert("number", event.number as i64);
        let found = self
            .quarantine()
            .find(serving)
            .sort(doc! {"view": 1})
            .await?;
        Ok(found.try_collect().await?)
    }

    /// Returns the number of notes of each view's serving generation.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn count_withheld(&self) -> Result<Vec<(String, u64)>, QueryError> {
        let Some(serving) = self.serving_filter().await? else {
            return Ok(Vec::new());
        };
        let group = doc! {"$group": {"_id": "$view", "count": {"$sum": 1i64}}};
        let sort = doc! {"$sort": {"_id": 1}};
        let pipeline = [doc! {"$match": serving}, group, sort];
        let counted = self.quarantine().aggregate(pipeline).await?;
        let counted: Vec<Document> = counted.try_collect().await?;
        let count = |found: &Document| {
            let view = found.get_str("_id").unwrap_or_default().to_owned();
            (view, found.get_i64("count").unwrap_or_default() as u64)
        };
        Ok(counted.iter().map(count).collect())
    }

    /// Returns a filter for the notes of the serving generations; `None` before
    /// the workers' first start.
    async fn serving_filter(&self) -> Result<Option<Document>, mongodb::error::Error> {
        let pointers = self.generations().all().await?;
        let serving = pointers
            .iter()
            .map(|pointer| doc! {"view": pointer.view(), "generation": pointer.active});
        let any: Vec<Document> = serving.collect();
        Ok((!any.is_empty()).then(|| doc! {"$or": any}))
    }

    /// Returns the notes of the documents among these that are set aside in the
    /// serving generation, by document id.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn set_aside(
        &self,
        view: &str,
        documents: &[&str],
    ) -> Result<HashMap<String, Withheld>, QueryError> {
        let generation = self.generations().active(view).await?;
        let ids = documents
            .iter()
            .map(|document| document_note_id(view, generation, document));
        let ids: Vec<String> = ids.collect();
        let found = self.quarantine().find(doc! {"_id": {"$in": ids}}).await?;
        let found = found.map_ok(|withheld| (withheld.document.clone(), withheld));
        Ok(found.try_collect().await?)
    }
}

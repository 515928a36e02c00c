//! The quarantine: events that views could not fold.
//!
//! An event that a view cannot fold sets aside the document that it touches:
//! the document stays as it was, and its later events wait. A document that
//! many aggregates feed leaves out the event instead, and later events are
//! folded. Both cases are noted here, per generation of the view. Once an
//! operator has decided to retry or skip the event, the document is folded from
//! that event on.
//!
//! **Crashes.** A note is written before the checkpoint passes the event, and
//! removed once everything that waited is folded. Work repeated in between
//! changes nothing, since a document accepts only events after its own number.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bson::{DateTime, doc};
use eventlog::{Log, Partition, Position, Positions};
use futures::{StreamExt, TryStreamExt, stream};
use mongodb::options::ReadConcern;
use mongodb::{Collection, IndexModel};
use serde::{Deserialize, Serialize};

use domain::QuarantineEvent;

use crate::runtime::date::date;
use crate::runtime::recorded::Decision;
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::AnyView;
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
    /// Returns the effect on the document: `incomplete` or `set_aside`.
    pub fn effect(&self) -> &'static str {
        match self.is_left_out {
            true => "incomplete",
            false => "set_aside",
        }
    }

    /// Returns the position of the event that cannot be folded.
    pub fn position(&self) -> Position {
        Position {
            partition: Partition::try_from(self.partition).unwrap_or_default(),
            number: u64::try_from(self.number).unwrap_or_default(),
        }
    }
}

/// An operator's decision about an event for a view, as stored in the
/// collection `quarantine_decisions`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DecisionDocument {
    #[serde(rename = "_id")]
    id: String,
    view: String,
    partition: i32,
    number: i64,
    /// True for a skip: the view leaves out the event from now on. False for a
    /// retry.
    is_skip: bool,
    /// Number of the decision's event in the partition.
    decided: i64,
    decided_at: DateTime,
    /// Epoch of the log that contains both events.
    epoch: String,
}

impl DecisionDocument {
    /// Returns the position of the event that the decision is about.
    pub(crate) fn event(&self) -> Position {
        Position {
            partition: Partition::try_from(self.partition).unwrap_or_default(),
            number: u64::try_from(self.number).unwrap_or_default(),
        }
    }
}

/// Bound of the decisions that apply.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// All decisions.
    Now,
    /// Decisions up to this number in the partition.
    Number(u64),
    /// Decisions recorded up to this instant.
    Instant(domain::Timestamp),
}

/// Numbers of the events in a partition that a view skips.
#[derive(Debug, Clone, Default)]
pub(crate) struct SkippedEvents(HashSet<u64>);

impl SkippedEvents {
    pub(crate) fn contains(&self, number: u64) -> bool {
        self.0.contains(&number)
    }
}

/// Events withheld from a generation of a view in one partition.
#[derive(Debug, Clone, Default)]
pub(crate) struct WithheldEvents {
    /// First event that waits, by document.
    set_aside: HashMap<String, u64>,
    /// Document that leaves out the event, by event.
    left_out: HashMap<u64, String>,
    skipped: SkippedEvents,
}

impl WithheldEvents {
    /// Returns whether an event may be folded into its document.
    pub(crate) fn admits(&self, document: &str, number: u64) -> bool {
        let waits = self
            .set_aside
            .get(document)
            .is_some_and(|first| number >= *first);
        !waits && !self.left_out.contains_key(&number) && !self.skipped.contains(number)
    }

    /// Returns the first event that waits for a document; `None` if the
    /// document is not set aside.
    pub(crate) fn set_aside(&self, document: &str) -> Option<u64> {
        self.set_aside.get(document).copied()
    }
}

/// Writes a note, unless the document has a later one: then another process is
/// ahead of this one and has carried out a decision.
async fn write_note(
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

/// Log entries read at once.
pub(crate) const ENTRIES: usize = 1_000;

/// Number of notes that are logged one by one. The others are logged as a
/// count.
const LOGGED: usize = 10;

/// Number of notes written concurrently.
const AT_ONCE: usize = 32;

/// Quarantine of one partition of a generation.
pub(crate) struct Quarantine {
    store: Store,
    log: Log,
    view: &'static dyn AnyView,
    generation: i32,
    partition: Partition,
    known: Option<WithheldEvents>,
}

impl Quarantine {
    pub(crate) fn of(
        store: &Store,
        log: &Log,
        view: &'static dyn AnyView,
        generation: i32,
        partition: Partition,
    ) -> Self {
        Self {
            store: store.clone(),
            log: log.clone(),
            view,
            generation,
            partition,
            known: None,
        }
    }

    /// Loads the notes and skips once. Later changes go through this value, so
    /// it stays current: other processes add only what this one adds too.
    pub(crate) async fn load(&mut self) -> Result<(), mongodb::error::Error> {
        if self.known.is_none() {
            let (view, generation) = (self.view.name(), self.generation);
            let (store, partition) = (&self.store, self.partition);
            let known = store.withheld_in(&self.log, view, generation, partition, Until::Now);
            self.known = Some(known.await?);
        }
        Ok(())
    }

    /// Returns whether an event may be folded into its document.
    pub(crate) fn admits(&self, document: &str, number: u64) -> bool {
        self.known
            .as_ref()
            .is_none_or(|known| known.admits(document, number))
    }

    /// Returns whether the document is set aside.
    pub(crate) fn is_set_aside(&self, document: &str) -> bool {
        self.known
            .as_ref()
            .is_some_and(|known| known.set_aside(document).is_some())
    }

    /// Returns whether the document has waited since this event or an earlier
    /// one.
    pub(crate) fn waits(&self, document: &str, number: u64) -> bool {
        let known = self.known.as_ref();
        let first = known.and_then(|known| known.set_aside(document));
        first.is_some_and(|first| first <= number)
    }

    pub(crate) fn is_skipped(&self, number: u64) -> bool {
        self.known
            .as_ref()
            .is_some_and(|known| known.skipped.contains(number))
    }

    /// Returns the document that leaves out this event, if any.
    pub(crate) fn document_leaving_out(&self, number: u64) -> Option<String> {
        self.known.as_ref()?.left_out.get(&number).cloned()
    }

    /// Returns the documents that have waited since one of these events, with
    /// that event.
    pub(crate) fn waiting_from(&self, numbers: &HashSet<u64>) -> HashMap<String, u64> {
        let waiting = self.known.iter().flat_map(|known| &known.set_aside);
        let waiting = waiting.filter(|(_, first)| numbers.contains(first));
        waiting.map(|(id, first)| (id.clone(), *first)).collect()
    }

    /// Withholds events: `(document, number, reason)`.
    pub(crate) async fn withhold(
        &mut self,
        events: Vec<(String, u64, String)>,
    ) -> Result<(), mongodb::error::Error> {
        let notes = events
            .iter()
            .map(|(document, number, reason)| self.new_note(document, *number, reason));
        let notes: Vec<Withheld> = notes.collect();
        for note in notes.iter().take(LOGGED) {
            tracing::error!(
                view = note.view,
                generation = note.generation,
                position = %note.position(),
                "an event cannot be folded: it is in quarantine"
            );
        }
        if notes.len() > LOGGED {
            let (view, more) = (self.view.name(), notes.len() - LOGGED);
            tracing::error!(
                view,
                more,
                "more events cannot be folded: they are in quarantine"
            );
        }
        let collection = self.notes();
        let writes = notes
            .into_iter()
            .map(|note| write_note(collection.clone(), note));
        let () = stream::iter(writes)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let is_shared = self.view.is_shared();
        let known = self.known.get_or_insert_default();
        for (document, number, _) in events {
            if is_shared {
                known.left_out.insert(number, document);
            } else {
                known.set_aside.insert(document, number);
            }
        }
        Ok(())
    }

    fn new_note(&self, document: &str, number: u64, reason: &str) -> Withheld {
        let (view, generation) = (self.view.name(), self.generation);
        let is_left_out = self.view.is_shared();
        Withheld {
            id: match is_left_out {
                true => id_of_event(view, generation, self.partition, number),
                false => id_of_document(view, generation, document),
            },
            view: view.to_owned(),
            generation,
            partition: i32::from(self.partition),
            number: number as i64,
            document: document.to_owned(),
            is_left_out,
            reason: reason.to_owned(),
            since: DateTime::now(),
        }
    }

    /// Admits the document's events again in this process. The note stays until
    /// [`Self::release`].
    pub(crate) fn admit(&mut self, document: &str) {
        if let Some(known) = &mut self.known {
            known.set_aside.remove(document);
        }
    }

    /// Removes the note of a document that has waited since this event. Must be
    /// called only once all its events are folded. A later note stays.
    pub(crate) async fn release(
        &self,
        document: &str,
        number: u64,
    ) -> Result<(), mongodb::error::Error> {
        let id = id_of_document(self.view.name(), self.generation, document);
        let note = doc! {"_id": id, "number": {"$lte": number as i64}};
        self.notes().delete_one(note).await.map(|_| ())
    }

    /// Withholds a document again that cannot be released, with the reason.
    pub(crate) async fn withhold_again(
        &mut self,
        document: &str,
        number: u64,
        reason: String,
    ) -> Result<(), mongodb::error::Error> {
        let event = (document.to_owned(), number, reason);
        self.withhold(vec![event]).await
    }

    /// Removes the note of an event that its shared document now contains, or
    /// leaves out for good.
    pub(crate) async fn release_event(&mut self, number: u64) -> Result<(), mongodb::error::Error> {
        let id = id_of_event(self.view.name(), self.generation, self.partition, number);
        self.notes().delete_one(doc! {"_id": id}).await?;
        if let Some(known) = &mut self.known {
            known.left_out.remove(&number);
        }
        Ok(())
    }

    /// Records a decision before it is carried out.
    pub(crate) async fn decide(
        &mut self,
        decision: &Decision,
    ) -> Result<(), mongodb::error::Error> {
        let (view, partition) = (self.view.name(), self.partition);
        let (epoch, decided, number) = (self.log.epoch(), decision.decided, decision.event);
        let is_skip = matches!(decision.record, QuarantineEvent::Skipped(_));
        let document = DecisionDocument {
            id: format!("{view}/{epoch}/{partition}:{decided}"),
            view: view.to_owned(),
            partition: i32::from(partition),
            number: number as i64,
            is_skip,
            decided: decided as i64,
            decided_at: date(decision.metadata.at),
            epoch: epoch.to_string(),
        };
        match self.store.decisions().insert_one(&document).await {
            Ok(_) => {}
            // Already recorded, by another generation of the view or before a
            // crash: the id depends only on view and decision.
            Err(error) if failed_only_with(&error, DUPLICATE) => {}
            Err(error) => return Err(error),
        }
        if is_skip {
            self.known.get_or_insert_default().skipped.0.insert(number);
        }
        Ok(())
    }

    fn notes(&self) -> Collection<Withheld> {
        self.store.quarantine()
    }
}

fn id_of_document(view: &str, generation: i32, document: &str) -> String {
    format!("{view}_g{generation}/{document}")
}

fn id_of_event(view: &str, generation: i32, partition: Partition, number: u64) -> String {
    format!("{view}_g{generation}/{partition}:{number}")
}

impl Store {
    pub(crate) fn quarantine(&self) -> Collection<Withheld> {
        self.database().collection("quarantine")
    }

    pub(crate) fn decisions(&self) -> Collection<DecisionDocument> {
        self.database().collection("quarantine_decisions")
    }

    /// Creates the indexes of the notes.
    pub(crate) async fn prepare_quarantine(&self) -> Result<(), mongodb::error::Error> {
        let by_event = doc! {"view": 1, "generation": 1, "partition": 1, "number": 1};
        let by_document = doc! {"view": 1, "generation": 1, "document": 1};
        let indexes = [by_event, by_document];
        let indexes = indexes.map(|keys| IndexModel::builder().keys(keys).build());
        self.quarantine().create_indexes(indexes).await.map(|_| ())
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
                known.left_out.insert(number, note.document);
            } else {
                known.set_aside.insert(note.document, number);
            }
        }
        Ok(known)
    }

    /// Returns the events of a partition that a view skips.
    pub(crate) async fn skipped_in(
        &self,
        log: &Log,
        view: &str,
        partition: Partition,
        until: Until,
    ) -> Result<SkippedEvents, mongodb::error::Error> {
        let epoch: Arc<str> = log.epoch();
        let mut filter = doc! {
            "view": view,
            "partition": i32::from(partition),
            "epoch": &*epoch,
            "is_skip": true,
        };
        match until {
            Until::Now => {}
            Until::Number(number) => {
                filter.insert("decided", doc! {"$lte": number as i64});
            }
            Until::Instant(at) => {
                filter.insert("decided_at", doc! {"$lte": date(at)});
            }
        }
        let collection = self.decisions();
        let skipped = collection.find(filter);
        let skipped = skipped.read_concern(ReadConcern::majority()).await?;
        let numbers = skipped.map_ok(|skipped| skipped.number as u64);
        numbers.try_collect().await.map(SkippedEvents)
    }

    /// Returns the events up to these positions that an operator decided about,
    /// for this view and after these positions.
    pub(crate) async fn decided_since(
        &self,
        log: &Log,
        view: &str,
        positions: &Positions,
    ) -> Result<Vec<Position>, mongodb::error::Error> {
        let filter = doc! {"view": view, "epoch": &*log.epoch()};
        let decisions = self.decisions().find(filter).await?;
        let decisions: Vec<DecisionDocument> = decisions.try_collect().await?;
        let events = decisions.iter().filter_map(|decision| {
            let event = decision.event();
            let then = positions.number(event.partition);
            let is_since = event.number <= then && decision.decided as u64 > then;
            is_since.then_some(event)
        });
        Ok(events.collect())
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
        let counted: Vec<bson::Document> = counted.try_collect().await?;
        let count = |found: &bson::Document| {
            let view = found.get_str("_id").unwrap_or_default().to_owned();
            (view, found.get_i64("count").unwrap_or_default() as u64)
        };
        Ok(counted.iter().map(count).collect())
    }

    /// Returns a filter for the notes of the serving generations; `None` before
    /// the workers' first start.
    async fn serving_filter(&self) -> Result<Option<bson::Document>, mongodb::error::Error> {
        let pointers = self.generations().all().await?;
        let of = |pointer: &crate::runtime::generation::Pointer| doc! {"view": pointer.view(), "generation": pointer.active};
        let any: Vec<_> = pointers.iter().map(of).collect();
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
            .map(|document| id_of_document(view, generation, document));
        let ids: Vec<String> = ids.collect();
        let found = self.quarantine().find(doc! {"_id": {"$in": ids}}).await?;
        let found = found.map_ok(|withheld| (withheld.document.clone(), withheld));
        Ok(found.try_collect().await?)
    }
}

//! The quarantine: events that views could not fold.
//!
//! An event that a view cannot fold sets aside the document that it touches:
//! the document stays as it was, and its later events wait. A document that
//! many aggregates feed leaves out the event instead, and later events are
//! folded. Both cases are noted in `withheld`, per generation of the view. Once an
//! operator has decided to retry or skip the event (`decisions`), the document is
//! folded from that event on.
//!
//! **Crashes.** A note is written before the checkpoint passes the event, and
//! removed once everything that waited is folded. Work repeated in between
//! changes nothing, since a document accepts only events after its own number.

use std::collections::{HashMap, HashSet};

use bson::doc;
use eventlog::{Log, Partition, Position};
use futures::{StreamExt, TryStreamExt, stream};
use mongodb::IndexModel;

use crate::runtime::decisions::Until;
use crate::runtime::generation::Generation;
use crate::runtime::recorded::RecordedDecision;
use crate::runtime::store::Store;
use crate::runtime::view::{FoldInput, InputContent};
use crate::runtime::withheld::{
    Withheld, WithheldEvents, document_note_id, event_note_id, write_note,
};

/// Number of notes that are logged one by one. The others are logged as a
/// count.
const LOGGED: usize = 10;

/// Number of notes written concurrently.
const AT_ONCE: usize = 32;

/// Quarantine of one partition of a generation.
pub(crate) struct PartitionQuarantine {
    store: Store,
    log: Log,
    generation: Generation,
    partition: Partition,
    known: Option<WithheldEvents>,
}

impl PartitionQuarantine {
    pub(crate) fn of(
        store: &Store,
        log: &Log,
        generation: Generation,
        partition: Partition,
    ) -> Self {
        Self {
            store: store.clone(),
            log: log.clone(),
            generation,
            partition,
            known: None,
        }
    }

    /// Loads the notes and skips once. Later changes go through this value. A
    /// note that another process writes is missing from it until
    /// [`Self::reload`].
    pub(crate) async fn load(&mut self) -> Result<(), mongodb::error::Error> {
        match self.known {
            Some(_) => Ok(()),
            None => self.reload().await,
        }
    }

    /// Loads the notes and skips, including those of other processes.
    pub(crate) async fn reload(&mut self) -> Result<(), mongodb::error::Error> {
        let Generation { view, number } = self.generation;
        let (store, partition) = (&self.store, self.partition);
        let known = store.withheld_in(&self.log, view.name(), number, partition, Until::Now);
        self.known = Some(known.await?);
        Ok(())
    }

    /// Returns whether an input is an event that may be folded into its document.
    pub(crate) fn admits(&self, input: &FoldInput) -> bool {
        let is_event = !matches!(input.content, InputContent::Decision(_));
        is_event
            && self
                .known
                .as_ref()
                .is_none_or(|known| known.admits(&input.document, input.position.number))
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

    /// Returns whether shared documents leave out this event.
    pub(crate) fn is_left_out(&self, number: u64) -> bool {
        let known = self.known.as_ref();
        known.is_some_and(|known| known.left_out.contains(&number))
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
        let notes = events.iter().map(|(document, number, reason)| {
            let event = self.position(*number);
            Withheld::new(self.generation, event, document, reason)
        });
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
            let (view, more) = (self.view_name(), notes.len() - LOGGED);
            tracing::error!(
                view,
                more,
                "more events cannot be folded: they are in quarantine"
            );
        }
        let collection = self.store.quarantine();
        let writes = notes
            .into_iter()
            .map(|note| write_note(collection.clone(), note));
        let () = stream::iter(writes)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let is_shared = self.generation.view.is_shared();
        let known = self.known.get_or_insert_default();
        for (document, number, _) in events {
            if is_shared {
                known.left_out.insert(number);
            } else {
                known.set_aside.insert(document, number);
            }
        }
        Ok(())
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
        let id = document_note_id(self.view_name(), self.generation.number, document);
        let note = doc! {"_id": id, "number": {"$lte": number as i64}};
        let notes = self.store.quarantine();
        notes.delete_one(note).await.map(|_| ())
    }

    /// Removes the note of an event that its shared document now contains, or
    /// leaves out for good.
    pub(crate) async fn release_event(&mut self, number: u64) -> Result<(), mongodb::error::Error> {
        let event = self.position(number);
        let id = event_note_id(self.view_name(), self.generation.number, event);
        self.store.quarantine().delete_one(doc! {"_id": id}).await?;
        if let Some(known) = &mut self.known {
            known.left_out.remove(&number);
        }
        Ok(())
    }

    /// Records a decision before it is carried out.
    pub(crate) async fn decide(
        &mut self,
        decision: &RecordedDecision,
    ) -> Result<(), mongodb::error::Error> {
        self.store
            .record_decision(&self.log, self.view_name(), self.partition, decision)
            .await?;
        if decision.is_skip() {
            let known = self.known.get_or_insert_default();
            known.skipped.insert(decision.event);
        }
        Ok(())
    }

    fn view_name(&self) -> &'static str {
        self.generation.view.name()
    }

    fn position(&self, number: u64) -> Position {
        let partition = self.partition;
        Position { partition, number }
    }
}

impl Store {
    /// Creates the indexes of the notes and of the decisions.
    pub(crate) async fn prepare_quarantine(&self) -> Result<(), mongodb::error::Error> {
        let index = |keys| IndexModel::builder().keys(keys).build();
        let by_event = doc! {"view": 1, "generation": 1, "partition": 1, "number": 1};
        let by_document = doc! {"view": 1, "generation": 1, "document": 1};
        let notes = self.quarantine();
        notes
            .create_indexes([index(by_event), index(by_document)])
            .await?;
        // Decisions are never removed, and every generation reads those of its
        // partition when it begins to fold.
        let skips = doc! {"view": 1, "epoch": 1, "partition": 1, "is_skip": 1};
        self.decisions().create_index(index(skips)).await?;
        Ok(())
    }
}

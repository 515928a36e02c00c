//! Folding of events into one partition of a generation. Events that cannot be
//! folded go into quarantine, and operators' decisions about them are carried
//! out.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bson::Binary;
use chrono_tz::Tz;
use eventlog::{Log, LogError, Partition, Position};
use mongodb::options::ReadConcern;

use crate::runtime::batch::{BatchFold, FailedEvent, group};
use crate::runtime::checkpoint::{Checkpoint, Checkpoints};
use crate::runtime::documents::{Write, placed};
use crate::runtime::error::ProjectError;
use crate::runtime::generation::Generation;
use crate::runtime::parts::{DocumentBefore, FoldOutcome, Parts};
use crate::runtime::quarantine::PartitionQuarantine;
use crate::runtime::recorded::{EntryReader, RecordedDecision};
use crate::runtime::store::Store;
use crate::runtime::view::{AnyView, FoldInput, InputContent};

/// Entries read at once when a document is folded again from an earlier event.
const ENTRIES: u64 = 4_000;

/// Documents of one partition of a generation, and its quarantine.
pub(crate) struct Folding {
    batch: BatchFold,
    log: Log,
    partition: Partition,
    quarantine: PartitionQuarantine,
    checkpoints: Checkpoints,
}

impl Folding {
    /// Creates a fold that is not bound to a collection. It folds into the one
    /// that has the generation's name.
    pub(crate) fn of(
        store: &Store,
        log: &Log,
        generation: Generation,
        partition: Partition,
    ) -> Self {
        Self {
            batch: BatchFold::of(store, generation),
            log: log.clone(),
            partition,
            quarantine: PartitionQuarantine::of(store, log, generation, partition),
            checkpoints: Checkpoints::of(store, generation.view.name(), generation.number),
        }
    }

    pub(crate) fn view(&self) -> &'static dyn AnyView {
        self.batch.view()
    }

    /// Returns the deployment's time zone.
    pub(crate) fn zone(&self) -> Tz {
        self.batch.zone()
    }

    /// Binds the fold to a collection. See [`BatchFold::bind`].
    ///
    /// # Errors
    /// As [`BatchFold::bind`].
    pub(crate) async fn bind(
        &mut self,
        uuid: Option<&Binary>,
        holds: Duration,
    ) -> Result<(), ProjectError> {
        self.batch.bind(uuid, holds).await
    }

    /// Returns the UUID of the bound collection.
    pub(crate) fn uuid(&self) -> Option<&Binary> {
        self.batch.uuid()
    }

    /// Folds the events that the quarantine admits, and carries out the
    /// decisions among them. Events that cannot be folded are withheld.
    ///
    /// # Errors
    /// [`ProjectError`] if the outcome is unknown. The caller must fold the
    /// events again.
    pub(crate) async fn fold(&mut self, events: &[FoldInput]) -> Result<(), ProjectError> {
        let decisions = events.iter().filter_map(|event| match &event.content {
            InputContent::Decision(decision) => Some(decision),
            _ => None,
        });
        let decisions: Vec<&RecordedDecision> = decisions.collect();
        match decisions.is_empty() {
            true => self.quarantine.load().await?,
            // Another process may have written the note of an event that this
            // one skips unseen, because the decision is in the same batch.
            false => self.quarantine.reload().await?,
        }
        let mut folded_already = Vec::new();
        for decision in &decisions {
            // Before the batch is folded: later events raise the number by
            // which `documents_with` recognizes that the event was folded.
            let was_skipped = self.quarantine.is_skipped(decision.event);
            self.quarantine.decide(decision).await?;
            if decision.is_skip() && !was_skipped {
                folded_already.extend(self.documents_with(decision.event).await?);
            }
        }
        self.fold_events(events, None).await?;
        let Some(last) = events.last().filter(|_| !decisions.is_empty()) else {
            return Ok(());
        };
        // Once for all decisions of the batch, since each pass reads the
        // waiting events from the log again.
        let end = last.position.number;
        self.carry_out(&decisions, folded_already, end).await
    }

    /// Folds events of a batch, or events that waited for a decision in a batch
    /// that ends with number `waited_until`.
    async fn fold_events(
        &mut self,
        events: &[FoldInput],
        waited_until: Option<u64>,
    ) -> Result<(), ProjectError> {
        if self.view().is_shared() {
            // All of them at once: the loop below would find one per pass.
            let unreadable = events.iter().enumerate().filter_map(|(index, event)| {
                let InputContent::Unreadable(reason) = &event.content else {
                    return None;
                };
                let reason = reason.clone();
                let failed = FailedEvent { index, reason };
                self.quarantine.admits(event).then_some(failed)
            });
            let unreadable = unreadable.collect();
            self.withhold(unreadable, events, waited_until).await?;
        }
        loop {
            // Grouped again after each failure, since the quarantine admits
            // fewer events then.
            let groups = group(events, |event| self.quarantine.admits(event));
            match self.batch.fold(groups, events).await? {
                Ok(()) => return Ok(()),
                Err(failed) => self.withhold(failed, events, waited_until).await?,
            }
        }
    }

    async fn withhold(
        &mut self,
        failed: Vec<FailedEvent>,
        events: &[FoldInput],
        waited_until: Option<u64>,
    ) -> Result<(), ProjectError> {
        let first = failed.iter().map(|one| events[one.index].position.number);
        let Some(first) = first.min() else {
            return Ok(());
        };
        // The checkpoint is behind the events that this process folds, unless
        // another process folds too. A process that was suspended for long must
        // not write a note that another process has written, and removed, since.
        let checkpoints = self.checkpoints.all().await?;
        let here = checkpoints.iter().map(Checkpoint::position);
        let here = here.filter(|at| at.partition == self.partition);
        let folded = here.map(|at| at.number).max().unwrap_or_default();
        if folded >= waited_until.unwrap_or(first) {
            let up_to = format!("{}:{folded}", self.partition);
            return Err(self.batch.contended(up_to));
        }
        let withheld = failed.into_iter().map(|FailedEvent { index, reason }| {
            let event = &events[index];
            (event.document.clone(), event.position.number, reason)
        });
        Ok(self.quarantine.withhold(withheld.collect()).await?)
    }

    /// Carries out the decisions of a batch that ends with number `end`, after
    /// its other events. `folded_already` are the skipped events that documents
    /// contain.
    async fn carry_out(
        &mut self,
        decisions: &[&RecordedDecision],
        folded_already: Vec<(String, u64)>,
        end: u64,
    ) -> Result<(), ProjectError> {
        let decided: HashSet<u64> = decisions.iter().map(|decision| decision.event).collect();
        let waiting = self.quarantine.waiting_from(&decided);
        self.release(waiting, end).await?;
        for event in decided {
            if !self.quarantine.is_left_out(event) {
                continue;
            }
            let skipped = self.quarantine.is_skipped(event);
            if skipped || self.recompute_with(event, end).await? {
                self.quarantine.release_event(event).await?;
            }
        }
        // A document contains a skipped event if the program that folded it
        // could fold the event, and an earlier one could not.
        for (document, event) in folded_already {
            if self.view().is_shared() && self.recompute(&document, None, end).await? {
                continue;
            }
            let reason = "it was skipped after it was folded: rebuild the view".to_owned();
            let event = (document, event, reason);
            self.quarantine.withhold(vec![event]).await?;
        }
        Ok(())
    }

    /// Returns the documents into which an event was folded, each with the
    /// event's number.
    async fn documents_with(&self, event: u64) -> Result<Vec<(String, u64)>, ProjectError> {
        if self.quarantine.is_left_out(event) {
            return Ok(Vec::new());
        }
        let Some(inputs) = self.readable_inputs(event).await? else {
            return Ok(Vec::new()); // It was never folded.
        };
        let touched = inputs.into_iter().map(|input| input.document);
        let touched = touched.filter(|document| !self.quarantine.waits(document, event));
        let touched: Vec<String> = touched.collect();
        let ids: Vec<&str> = touched.iter().map(String::as_str).collect();
        let documents = self.batch.documents();
        let stored = documents.load(&ids, ReadConcern::majority()).await?;
        let number = |document: &String| stored.get(document).map_or(0, |stored| stored.number);
        let folded = touched.into_iter();
        let folded = folded.filter(|document| number(document) >= event as i64);
        Ok(folded.map(|document| (document, event)).collect())
    }

    /// Reads an event again. Returns an input for each document that it touches;
    /// `None` if the event was trimmed or cannot be decoded.
    async fn readable_inputs(&self, event: u64) -> Result<Option<Vec<FoldInput>>, ProjectError> {
        let at = Position {
            partition: self.partition,
            number: event,
        };
        let Some(entry) = self.log.entries(&[at]).await?.pop().flatten() else {
            return Ok(None);
        };
        let entry = EntryReader::default().share(entry);
        let mut inputs = Vec::new();
        let added = FoldInput::add_events(self.view(), &entry, self.zone(), &mut inputs);
        let is_readable = |input: &FoldInput| !matches!(input.content, InputContent::Unreadable(_));
        let is_known = added.is_ok() && inputs.iter().all(is_readable);
        Ok(is_known.then_some(inputs))
    }

    /// Folds the events that waited, up to number `end`. Documents whose events
    /// were trimmed stay in quarantine.
    async fn release(
        &mut self,
        waiting: HashMap<String, u64>,
        end: u64,
    ) -> Result<(), ProjectError> {
        let Some(first) = waiting.values().min() else {
            return Ok(());
        };
        let mut at = self.before(*first);
        for document in waiting.keys() {
            self.quarantine.admit(document);
        }
        let documents: HashSet<String> = waiting.keys().cloned().collect();
        while at.number < end {
            match self.events_of(&documents, &mut at, end).await {
                Ok(events) => self.fold_events(&events, Some(end)).await?,
                Err(ProjectError::Log(error)) if is_gone(&error) => {
                    let reason = format!("its events cannot be read again: {error}");
                    let waiting = waiting.into_iter();
                    let events =
                        waiting.map(|(document, number)| (document, number, reason.clone()));
                    return Ok(self.quarantine.withhold(events.collect()).await?);
                }
                Err(error) => return Err(error),
            }
        }
        for (document, number) in waiting {
            if !self.quarantine.is_set_aside(&document) {
                self.quarantine.release(&document, number).await?;
            }
        }
        Ok(())
    }

    /// Computes the shared documents that an event touches again up to number
    /// `end`, with the event, which they left out. Returns whether that
    /// succeeded.
    async fn recompute_with(&self, event: u64, end: u64) -> Result<bool, ProjectError> {
        let Some(inputs) = self.readable_inputs(event).await? else {
            return Ok(false);
        };
        for input in inputs {
            if !self.recompute(&input.document, Some(event), end).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Computes a shared document again up to number `end`, optionally with an
    /// event that was left out. Returns whether that succeeded.
    async fn recompute(
        &self,
        document: &str,
        with: Option<u64>,
        end: u64,
    ) -> Result<bool, ProjectError> {
        let documents = self.batch.documents();
        let stored = documents.load(&[document], ReadConcern::majority()).await?;
        let stored = stored.get(document);
        let end = stored.map_or(0, |stored| stored.number as u64).max(end);
        let wanted = HashSet::from([document.to_owned()]);
        let (parts, mut folded, mut last) = (Parts::new(), None, None);
        let mut at = self.before(1);
        while at.number < end {
            let events = match self.events_of(&wanted, &mut at, end).await {
                Ok(events) => events,
                Err(ProjectError::Log(error)) if is_gone(&error) => return Ok(false),
                Err(error) => return Err(error),
            };
            let admitted = events.iter().filter(|event| {
                Some(event.position.number) == with || self.quarantine.admits(event)
            });
            let admitted: Vec<&FoldInput> = admitted.collect();
            let Some(last_admitted) = admitted.last() else {
                continue;
            };
            let before = DocumentBefore {
                document: folded.as_deref(),
                parts: &parts,
                zone: self.batch.zone(),
            };
            let Ok(FoldOutcome::After(after)) = self.view().fold(&before, &admitted) else {
                return Ok(false);
            };
            last = Some(last_admitted.position);
            folded = Some(after.document);
        }
        let (Some(folded), Some(last)) = (folded, last) else {
            return Ok(false);
        };
        let write = Write {
            id: document.to_owned(),
            expected: stored.map(|stored| stored.number),
            document: placed(document, self.partition, last.number as i64, &folded)
                .map_err(mongodb::error::Error::custom)?,
        };
        match documents.write(vec![write]).await? {
            true => Ok(true),
            false => Err(self.batch.contended(last.to_string())),
        }
    }

    fn before(&self, number: u64) -> Position {
        let (partition, number) = (self.partition, number.saturating_sub(1));
        Position { partition, number }
    }

    /// Reads the next events of these documents after `at`, up to number `end`,
    /// and moves `at`. May return none of many entries.
    async fn events_of(
        &self,
        wanted: &HashSet<String>,
        at: &mut Position,
        end: u64,
    ) -> Result<Vec<FoldInput>, ProjectError> {
        let count = (end - at.number).min(ENTRIES);
        let entries = self.log.read(*at, count as usize).await?;
        let Some(last) = entries.last() else {
            let what = format!("it ends here, but had events up to {end}");
            return Err(LogError::Damaged { at: *at, what }.into());
        };
        *at = last.position;
        let mut reader = EntryReader::default();
        let mut events = Vec::new();
        for entry in entries {
            let entry = reader.share(entry);
            if self.view().may_touch(&entry, wanted) {
                // An entry of an unknown type gives no events.
                let _unknown = FoldInput::add_events(self.view(), &entry, self.zone(), &mut events);
            }
        }
        events.retain(|event| wanted.contains(&event.document));
        Ok(events)
    }
}

/// Returns whether events are no longer in the log.
fn is_gone(error: &LogError) -> bool {
    matches!(error, LogError::Trimmed { .. } | LogError::Damaged { .. })
}

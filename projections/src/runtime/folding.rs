//! Folding of events into the documents of one generation of a view.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bson::{Binary, RawDocumentBuf};
use chrono_tz::Tz;
use domain::QuarantineEvent;
use eventlog::{Log, LogError, Partition, Position};
use mongodb::options::ReadConcern;
use tokio::time::Instant;

use crate::runtime::checkpoint::{Checkpoint, Checkpoints};
use crate::runtime::documents::{Documents, Stored, Write, placed};
use crate::runtime::error::ProjectError;
use crate::runtime::parts::{After, Before, FoldOutcome, Part, Parts};
use crate::runtime::quarantine::Quarantine;
use crate::runtime::recorded::Decision;
use crate::runtime::recorded::EntryReader;
use crate::runtime::store::Store;
use crate::runtime::view::{AnyView, Content, FoldError, Input};

/// Maximum number of attempts to fold a batch while other processes write the
/// same documents.
const ATTEMPTS: usize = 16;

/// Maximum size of a document, in bytes. MongoDB accepts 16 MiB, of which some
/// is reserved for the fields that place a document.
const MAX_DOCUMENT: usize = (16 << 20) - 1024;

/// Entries read at once when a document is folded again from an earlier event.
const ENTRIES: u64 = 4_000;

/// Documents of one partition of a generation. Events that cannot be folded go
/// into quarantine.
///
/// A crash at any point, a repeated batch, or two processes at once do not
/// change the result: each document has the number of the last event folded
/// into it, is written only if it is unchanged since it was read, and accepts
/// only events after that number.
pub(crate) struct Folding {
    view: &'static dyn AnyView,
    documents: Documents,
    /// Parts of the documents.
    parts: Documents,
    zone: Tz,
    collection: Option<BoundCollection>,
    log: Log,
    partition: Partition,
    quarantine: Quarantine,
    checkpoints: Checkpoints,
}

const OVERTAKEN: &str = "a part of its document is ahead of the document's events";

/// The collection that a fold is bound to.
struct BoundCollection {
    uuid: Option<Binary>,
    checked_at: Instant,
    /// Time until the next check.
    holds: Duration,
}

/// The first event of a document in a batch that cannot be folded.
struct FailedEvent {
    index: usize,
    reason: String,
}

/// Id of a document, and the indices of the batch's events that touch it.
type Group<'a> = (&'a str, Vec<usize>);

/// Writes that result from groups of events.
#[derive(Default)]
struct Writes<'a> {
    parts: Vec<Write>,
    documents: Vec<Write>,
    /// Events to fold once these writes are done.
    left: Vec<Group<'a>>,
    /// Set if another process changed a document's parts after the document was
    /// loaded.
    overtaken: Option<FailedEvent>,
}

/// Outcome of folding one group.
enum GroupOutcome {
    /// The document already contained all events.
    AlreadyFolded,
    Folded {
        after: After,
        /// Index of the last event that was folded.
        last: usize,
        left: Vec<usize>,
    },
    Needs(Vec<String>),
    Overtaken(usize),
}

impl Folding {
    /// Creates a fold that is not bound to a collection. It folds into the one
    /// that has the generation's name.
    pub(crate) fn of(
        store: &Store,
        log: &Log,
        view: &'static dyn AnyView,
        generation: i32,
        partition: Partition,
    ) -> Self {
        Self {
            log: log.clone(),
            partition,
            quarantine: Quarantine::of(store, log, view, generation, partition),
            checkpoints: Checkpoints::of(store, view.name(), generation),
            view,
            documents: Documents::of(store, view.name(), generation),
            parts: Documents::parts_of(store, view.name(), generation),
            zone: store.zone(),
            collection: None,
        }
    }

    pub(crate) fn view(&self) -> &'static dyn AnyView {
        self.view
    }

    /// Binds the fold to the collection that has the generation's name now.
    /// Each check holds for the given time.
    ///
    /// Without this, MongoDB would create a dropped collection again, empty, on
    /// the next write.
    ///
    /// # Errors
    /// [`ProjectError::CollectionGone`] if the collection does not exist, or
    /// has another UUID than this one.
    pub(crate) async fn bind(
        &mut self,
        uuid: Option<&Binary>,
        holds: Duration,
    ) -> Result<(), ProjectError> {
        let found = self
            .documents
            .identity()
            .await?
            .ok_or_else(|| self.collection_gone())?;
        if uuid.is_some_and(|uuid| found.as_ref() != Some(uuid)) {
            return Err(self.collection_gone());
        }
        self.collection = Some(BoundCollection {
            uuid: found,
            checked_at: Instant::now(),
            holds,
        });
        Ok(())
    }

    /// Returns the UUID of the bound collection.
    pub(crate) fn uuid(&self) -> Option<&Binary> {
        self.collection.as_ref()?.uuid.as_ref()
    }

    fn collection_gone(&self) -> ProjectError {
        ProjectError::CollectionGone(self.documents.collection().name().to_owned())
    }

    async fn check_collection(&mut self) -> Result<(), ProjectError> {
        let Some(bound) = &self.collection else {
            return Ok(());
        };
        if bound.checked_at.elapsed() < bound.holds {
            return Ok(());
        }
        let (uuid, holds) = (bound.uuid.clone(), bound.holds);
        self.bind(uuid.as_ref(), holds).await
    }

    /// Folds the events that the quarantine admits, and carries out the
    /// decisions among them. Events that cannot be folded are withheld.
    ///
    /// # Errors
    /// [`ProjectError`] if the outcome is unknown. The caller must fold the
    /// events again.
    pub(crate) async fn fold(&mut self, events: &[Input]) -> Result<(), ProjectError> {
        self.quarantine.load().await?;
        let decisions = events.iter().filter_map(|event| match &event.content {
            Content::Decision(decision) => Some(decision),
            _ => None,
        });
        let decisions: Vec<&Decision> = decisions.collect();
        let mut folded_already = Vec::new();
        for decision in &decisions {
            // Before the batch is folded: later events raise the number by
            // which `document_with` recognizes that the event was folded.
            let was_skipped = self.quarantine.is_skipped(decision.event);
            self.quarantine.decide(decision).await?;
            if is_skip(decision) && !was_skipped {
                folded_already.extend(self.document_with(decision.event).await?);
            }
        }
        self.fold_events(events, None).await?;
        let Some(last) = events.last().filter(|_| !decisions.is_empty()) else {
            return Ok(());
        };
        // Once for all decisions of the batch, since each pass reads the
        // waiting events from the log again.
        let end = last.position.number;
        self.carry_out(&decisions, end).await?;
        for (document, event) in folded_already {
            self.leave_out_folded(document, event, end).await?;
        }
        Ok(())
    }

    /// Folds events of a batch, or events that waited for a decision in a batch
    /// that ends with number `waited_until`.
    async fn fold_events(
        &mut self,
        events: &[Input],
        waited_until: Option<u64>,
    ) -> Result<(), ProjectError> {
        if self.view.is_shared() {
            // All of them at once: the loop below would find one per pass.
            let unreadable = events.iter().enumerate().filter_map(|(index, event)| {
                let Content::Unreadable(reason) = &event.content else {
                    return None;
                };
                let reason = reason.clone();
                self.admits(event).then_some(FailedEvent { index, reason })
            });
            let unreadable = unreadable.collect();
            self.withhold(unreadable, events, waited_until).await?;
        }
        loop {
            // Grouped again after each failure, since the quarantine admits
            // fewer events then.
            let mut groups = group(events);
            for (_, indices) in &mut groups {
                indices.retain(|index| self.admits(&events[*index]));
            }
            groups.retain(|(_, indices)| !indices.is_empty());
            match self.fold_groups_in_rounds(groups, events).await? {
                Ok(()) => return Ok(()),
                Err(failed) => self.withhold(failed, events, waited_until).await?,
            }
        }
    }

    fn admits(&self, event: &Input) -> bool {
        let number = event.position.number;
        let is_event = !matches!(event.content, Content::Decision(_));
        is_event && self.quarantine.admits(&event.document, number)
    }

    async fn withhold(
        &mut self,
        failed: Vec<FailedEvent>,
        events: &[Input],
        waited_until: Option<u64>,
    ) -> Result<(), ProjectError> {
        let first = failed.iter().map(|one| events[one.index].position.number);
        let Some(first) = first.min() else {
            return Ok(());
        };
        // A process that was suspended for long must not write a note that
        // another process has written, and removed, since.
        let folded = self.folded_by_others().await?;
        if folded >= waited_until.unwrap_or(first) {
            return Err(self.contended(format!("{}:{folded}", self.partition)));
        }
        let withheld = failed.into_iter().map(|FailedEvent { index, reason }| {
            let event = &events[index];
            (event.document.clone(), event.position.number, reason)
        });
        Ok(self.quarantine.withhold(withheld.collect()).await?)
    }

    /// Returns the number of the checkpoint. It is behind the events that this
    /// process folds, unless another process folds too.
    async fn folded_by_others(&self) -> Result<u64, mongodb::error::Error> {
        let checkpoints = self.checkpoints.all().await?;
        let here = checkpoints.iter().map(Checkpoint::position);
        let here = here.filter(|at| at.partition == self.partition);
        Ok(here.map(|at| at.number).max().unwrap_or_default())
    }

    /// Carries out the decisions of a batch that ends with number `end`, after
    /// its other events.
    async fn carry_out(&mut self, decisions: &[&Decision], end: u64) -> Result<(), ProjectError> {
        let decided: HashSet<u64> = decisions.iter().map(|decision| decision.event).collect();
        let waiting = self.quarantine.waiting_from(&decided);
        self.release(waiting, end).await?;
        for event in decided {
            let Some(document) = self.quarantine.document_leaving_out(event) else {
                continue;
            };
            let skipped = self.quarantine.is_skipped(event);
            if skipped || self.recompute(&document, Some(event), end).await? {
                self.quarantine.release_event(event).await?;
            }
        }
        Ok(())
    }

    /// Returns the document into which an event was folded, and the event's
    /// number; `None` if the event is in no document.
    async fn document_with(&self, event: u64) -> Result<Option<(String, u64)>, ProjectError> {
        let at = Position {
            partition: self.partition,
            number: event,
        };
        let Some(entry) = self.log.entries(&[at]).await?.pop().flatten() else {
            return Ok(None);
        };
        let entry = EntryReader::default().share(entry);
        let Some(document) = self.view.document_of(&entry) else {
            return Ok(None);
        };
        let read = Input::all_of(self.view, &entry);
        if !matches!(read, Ok([_, Some(input)]) if !matches!(input.content, Content::Unreadable(_)))
        {
            return Ok(None); // It was never folded.
        }
        if self.quarantine.waits(&document, event)
            || self.quarantine.document_leaving_out(event).is_some()
        {
            return Ok(None);
        }
        let ids = [&*document];
        let stored = self.documents.load(&ids, ReadConcern::majority());
        let stored = stored.await?;
        let number = stored.get(&document).map_or(0, |stored| stored.number);
        Ok((number >= event as i64).then_some((document, event)))
    }

    /// Removes a skipped event from a document that contains it. This happens
    /// when the program that folded the document could fold the event, and an
    /// earlier one could not. A document that cannot be computed again is
    /// withheld.
    async fn leave_out_folded(
        &mut self,
        document: String,
        event: u64,
        end: u64,
    ) -> Result<(), ProjectError> {
        if self.view.is_shared() && self.recompute(&document, None, end).await? {
            return Ok(());
        }
        let reason = "it was skipped after it was folded: rebuild the view".to_owned();
        Ok(self
            .quarantine
            .withhold_again(&document, event, reason)
            .await?)
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
                    for (document, number) in waiting {
                        let reason = format!("its events cannot be read again: {error}");
                        self.quarantine
                            .withhold_again(&document, number, reason)
                            .await?;
                    }
                    return Ok(());
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

    /// Computes a shared document again up to number `end`, optionally with an
    /// event that was left out. Returns whether that succeeded.
    async fn recompute(
        &mut self,
        document: &str,
        with: Option<u64>,
        end: u64,
    ) -> Result<bool, ProjectError> {
        let ids = [document];
        let stored = self.documents.load(&ids, ReadConcern::majority());
        let stored = stored.await?;
        let stored = stored.get(document);
        let end = stored.map_or(0, |stored| stored.number as u64).max(end);
        let documents = HashSet::from([document.to_owned()]);
        let (parts, mut folded, mut last) = (Parts::new(), None, None);
        let mut at = self.before(1);
        while at.number < end {
            let events = match self.events_of(&documents, &mut at, end).await {
                Ok(events) => events,
                Err(ProjectError::Log(error)) if is_gone(&error) => return Ok(false),
                Err(error) => return Err(error),
            };
            let admitted = events
                .iter()
                .filter(|event| Some(event.position.number) == with || self.admits(event));
            let admitted: Vec<&Input> = admitted.collect();
            let Some(last_admitted) = admitted.last() else {
                continue;
            };
            let before = Before {
                document: folded.as_deref(),
                parts: &parts,
                zone: self.zone,
            };
            let Ok(FoldOutcome::After(after)) = self.view.fold(&before, &admitted) else {
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
        match self.documents.write(vec![write]).await? {
            true => Ok(true),
            false => Err(self.contended(last.to_string())),
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
    ) -> Result<Vec<Input>, ProjectError> {
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
            let document = self.view.document_of(&entry);
            if document.is_some_and(|document| wanted.contains(&document))
                && let Ok([_, event]) = Input::all_of(self.view, &entry)
            {
                events.extend(event);
            }
        }
        Ok(events)
    }

    /// Folds in rounds, since later events of a document with parts can be
    /// folded only once the earlier ones are written.
    async fn fold_groups_in_rounds(
        &mut self,
        mut groups: Vec<Group<'_>>,
        events: &[Input],
    ) -> Result<Result<(), Vec<FailedEvent>>, ProjectError> {
        while !groups.is_empty() {
            match self.fold_round(groups, events).await? {
                Ok(left) => groups = left,
                Err(failed) => return Ok(Err(failed)),
            }
        }
        Ok(Ok(()))
    }

    /// Folds as many events of each group as one write of its document holds.
    /// Returns the events that are left.
    async fn fold_round<'a>(
        &mut self,
        groups: Vec<Group<'a>>,
        events: &[Input],
    ) -> Result<Result<Vec<Group<'a>>, Vec<FailedEvent>>, ProjectError> {
        let mut overtaken = None;
        for attempt in 0..ATTEMPTS {
            // A document that begins in this batch exists only if another run
            // wrote it and did not move the checkpoint. Then the insert fails,
            // and the next attempt loads it.
            let is_new = |first: &usize| attempt == 0 && events[*first].begins;
            let old = groups
                .iter()
                .filter(|(_, of)| !of.first().is_some_and(is_new));
            let ids: Vec<&str> = old.map(|(id, _)| *id).collect();
            // Events that a document contains are passed over, so what is read
            // here must survive a failover.
            let stored = self.documents.load(&ids, ReadConcern::majority()).await?;
            let writes = match self.fold_groups(&groups, events, &stored).await? {
                Ok(writes) => writes,
                Err(failed) => return Ok(Err(failed)),
            };
            overtaken = writes.overtaken;
            if overtaken.is_some() {
                continue;
            }
            if writes
                .documents
                .iter()
                .any(|write| write.expected.is_none())
            {
                self.check_collection().await?;
            }
            // Parts first, so that a document never lists a part that does not
            // exist.
            if !writes.parts.is_empty() && !self.parts.write_parts(writes.parts).await? {
                continue;
            }
            if self.documents.write(writes.documents).await? {
                return Ok(Ok(writes.left));
            }
        }
        if let Some(failed) = overtaken {
            return Ok(Err(vec![failed]));
        }
        let last = events.last().map(|event| event.position.to_string());
        Err(self.contended(last.unwrap_or_default()))
    }

    fn contended(&self, up_to: String) -> ProjectError {
        let view = self.view.name();
        ProjectError::Contended { view, up_to }
    }

    async fn fold_groups<'a>(
        &self,
        groups: &[Group<'a>],
        events: &[Input],
        stored: &HashMap<String, Stored>,
    ) -> Result<Result<Writes<'a>, Vec<FailedEvent>>, ProjectError> {
        let mut writes = Writes::default();
        let mut all_failed: Vec<FailedEvent> = Vec::new();
        let mut parts = Parts::new();
        let mut to_fold: Vec<&Group<'a>> = groups.iter().collect();
        while !to_fold.is_empty() {
            let (mut needed, mut again) = (Vec::new(), Vec::new());
            for group in to_fold {
                let before = stored.get(group.0);
                match self.fold_group(&group.1, events, before, &parts) {
                    Ok(GroupOutcome::AlreadyFolded) => {}
                    Ok(GroupOutcome::Folded { after, last, left }) => {
                        let at = events[last].position;
                        writes.add(group.0, before, after, at)?;
                        if !left.is_empty() {
                            writes.left.push((group.0, left));
                        }
                    }
                    Ok(GroupOutcome::Needs(ids)) => {
                        needed.extend(ids);
                        again.push(group);
                    }
                    Ok(GroupOutcome::Overtaken(index)) => {
                        let reason = OVERTAKEN.to_owned();
                        writes.overtaken = Some(FailedEvent { index, reason });
                    }
                    Err(failed) => all_failed.push(failed),
                }
            }
            self.load_parts(needed, &mut parts).await?;
            to_fold = again;
        }
        Ok(match all_failed.is_empty() {
            true => Ok(writes),
            false => Err(all_failed),
        })
    }

    fn fold_group(
        &self,
        indices: &[usize],
        events: &[Input],
        before: Option<&Stored>,
        parts: &Parts,
    ) -> Result<GroupOutcome, FailedEvent> {
        let behind = before.map_or(0, |stored| stored.number);
        let new: Vec<usize> = indices
            .iter()
            .copied()
            .filter(|index| events[*index].position.number as i64 > behind)
            .collect();
        let Some(&first) = new.first() else {
            return Ok(GroupOutcome::AlreadyFolded);
        };
        let of_document: Vec<&Input> = new.iter().map(|index| &events[*index]).collect();
        let before = Before {
            document: before.map(|stored| &*stored.document),
            parts,
            zone: self.zone,
        };
        let folded = self.view.fold(&before, &of_document).and_then(check_size);
        let folded = folded.map_err(|(at, error)| FailedEvent {
            index: new[at],
            reason: error.0,
        });
        match folded? {
            FoldOutcome::After(after) => {
                let (in_document, left) = new.split_at(after.events);
                Ok(GroupOutcome::Folded {
                    last: in_document.last().copied().unwrap_or(first),
                    left: left.to_vec(),
                    after,
                })
            }
            FoldOutcome::Needs(ids) => Ok(GroupOutcome::Needs(ids)),
            FoldOutcome::Overtaken => Ok(GroupOutcome::Overtaken(first)),
        }
    }

    async fn load_parts(&self, ids: Vec<String>, parts: &mut Parts) -> Result<(), ProjectError> {
        let wanted: Vec<&str> = ids.iter().map(String::as_str).collect();
        let mut stored = self.parts.load(&wanted, ReadConcern::majority()).await?;
        for id in ids {
            let part = stored.remove(&id).map(|stored| Part {
                number: stored.number,
                document: stored.document,
            });
            parts.insert(id, part);
        }
        Ok(())
    }
}

impl Writes<'_> {
    fn add(
        &mut self,
        id: &str,
        before: Option<&Stored>,
        after: After,
        at: Position,
    ) -> Result<(), mongodb::error::Error> {
        let place = |id: &str, document: &RawDocumentBuf| {
            let number = at.number as i64;
            placed(id, at.partition, number, document).map_err(mongodb::error::Error::custom)
        };
        for part in after.parts {
            self.parts.push(Write {
                document: place(&part.id, &part.document)?,
                id: part.id,
                expected: part.expected,
            });
        }
        self.documents.push(Write {
            id: id.to_owned(),
            expected: before.map(|stored| stored.number),
            document: place(id, &after.document)?,
        });
        Ok(())
    }
}

fn is_skip(decision: &Decision) -> bool {
    matches!(decision.record, QuarantineEvent::Skipped(_))
}

/// Returns whether events are no longer in the log.
fn is_gone(error: &LogError) -> bool {
    matches!(error, LogError::Trimmed { .. } | LogError::Damaged { .. })
}

/// Returns the error for an event that a view cannot fold.
pub(crate) fn fold_error(view: &dyn AnyView, position: Position, reason: String) -> ProjectError {
    ProjectError::Event {
        view: view.name(),
        position,
        reason,
    }
}

fn check_size(outcome: FoldOutcome) -> Result<FoldOutcome, (usize, FoldError)> {
    let FoldOutcome::After(after) = &outcome else {
        return Ok(outcome);
    };
    let bytes = after.document.as_bytes().len();
    if bytes <= MAX_DOCUMENT {
        return Ok(outcome);
    }
    let why = format!(
        "its document would have {bytes} bytes, but MongoDB accepts at most {MAX_DOCUMENT}"
    );
    Err((0, FoldError(why)))
}

/// Groups events by the document that they touch, in the order of the first
/// event of each.
fn group(events: &[Input]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut index_of: HashMap<&str, usize> = HashMap::new();
    for (index, event) in events.iter().enumerate() {
        let id = event.document.as_str();
        // In `audit`, all events of a commit touch the same document.
        if let Some((last, indices)) = groups.last_mut()
            && *last == id
        {
            indices.push(index);
            continue;
        }
        let group = *index_of.entry(id).or_insert_with(|| {
            groups.push((id, Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push(index);
    }
    groups
}

//! Folding events into the documents of one generation of a view.

use std::collections::HashMap;
use std::time::Duration;

use bson::{Binary, RawDocumentBuf};
use chrono_tz::Tz;
use domain::QuarantineEvent;
use eventlog::{Log, LogError, Partition, Position};
use mongodb::options::ReadConcern;
use tokio::time::Instant;

use crate::documents::{Documents, Stored, Write, placed};
use crate::parts::{After, Before, FoldOutcome, Part, Parts};
use crate::quarantine::Quarantine;
use crate::recorded::Decision;
use crate::view::{AnyView, Content, FoldError, Input};
use crate::{EntryReader, ProjectError, Store};

/// How often a batch is folded anew because others wrote the same documents.
const ATTEMPTS: usize = 16;

/// MongoDB takes documents of 16 MiB; some of that is for the fields that place
/// one.
const MAX_DOCUMENT: usize = (16 << 20) - 1024;

/// Entries read at once for a document that is folded on from an earlier event.
const ENTRIES: u64 = 4_000;

/// One partition's documents of one generation of a view, as events are folded
/// into them. Events that cannot be folded go to the quarantine.
///
/// A crash at any point, a repeat, or two processes at once change nothing:
/// each document has the number of the last event folded into it, is written
/// only if it is still as it was read, and takes only events after that one.
pub(crate) struct Folding {
    view: &'static dyn AnyView,
    documents: Documents,
    /// Beside the documents.
    parts: Documents,
    zone: Tz,
    collection: Option<Identity>,
    log: Log,
    partition: Partition,
    quarantine: Quarantine,
}

const OVERTAKEN: &str = "a part of its document is further than the document's events explain";

/// Which collection the documents are in.
struct Identity {
    uuid: Option<Binary>,
    checked_at: Instant,
    /// How long a check holds.
    holds: Duration,
}

/// An event of a batch that cannot be folded, the first of its document.
struct Failed {
    index: usize,
    reason: String,
}

/// The events of a batch that touch one document, by index.
type Group<'a> = (&'a str, Vec<usize>);

/// What groups of events come to.
#[derive(Default)]
struct Writes<'a> {
    parts: Vec<Write>,
    documents: Vec<Write>,
    /// What is to be folded when this is written.
    left: Vec<Group<'a>>,
    /// Where a document was loaded before its parts, and another process has
    /// changed them in between.
    overtaken: Option<Failed>,
}

/// What one group comes to.
enum GroupOutcome {
    /// All of its events were in the document.
    Known,
    Folded {
        after: After,
        /// Of the events that are in the document now, the last one.
        last: usize,
        left: Vec<usize>,
    },
    Needs(Vec<String>),
    Overtaken(usize),
}

impl Folding {
    /// Folds into whatever collection has the generation's name.
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

    /// Folds only while the collection is the one that it is now. A check holds
    /// for this long.
    ///
    /// MongoDB would make a collection that is gone anew, with nothing in it.
    ///
    /// # Errors
    /// [`ProjectError::CollectionGone`] if there is none, or it is not the one
    /// with this UUID.
    pub(crate) async fn bind(
        &mut self,
        uuid: Option<&Binary>,
        holds: Duration,
    ) -> Result<(), ProjectError> {
        let found = self
            .documents
            .identity()
            .await?
            .ok_or_else(|| self.gone())?;
        if uuid.is_some_and(|uuid| found.as_ref() != Some(uuid)) {
            return Err(self.gone());
        }
        self.collection = Some(Identity {
            uuid: found,
            checked_at: Instant::now(),
            holds,
        });
        Ok(())
    }

    /// The UUID of the collection that it is bound to.
    pub(crate) fn uuid(&self) -> Option<&Binary> {
        self.collection.as_ref()?.uuid.as_ref()
    }

    fn gone(&self) -> ProjectError {
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

    /// Folds all events but those that wait, and carries out decisions about
    /// those. What cannot be folded is withheld.
    ///
    /// # Errors
    /// [`ProjectError`] if nothing is known of the events: they are to be
    /// folded again.
    pub(crate) async fn fold(&mut self, events: &[Input]) -> Result<(), ProjectError> {
        self.quarantine.load().await?;
        let mut since = 0;
        for (index, event) in events.iter().enumerate() {
            if let Content::Decision(decision) = &event.content {
                self.fold_events(&events[since..index]).await?;
                self.carry_out(decision).await?;
                since = index + 1;
            }
        }
        self.fold_events(&events[since..]).await
    }

    async fn fold_events(&mut self, events: &[Input]) -> Result<(), ProjectError> {
        if self.view.is_shared() {
            // At once: otherwise each would be found by another pass.
            let unreadable = events.iter().enumerate().filter_map(|(index, event)| {
                let Content::Unreadable(reason) = &event.content else {
                    return None;
                };
                let reason = reason.clone();
                self.admits(event).then_some(Failed { index, reason })
            });
            let unreadable = unreadable.collect();
            self.withhold(unreadable, events).await?;
        }
        loop {
            let mut groups = group(events);
            for (_, indices) in &mut groups {
                indices.retain(|index| self.admits(&events[*index]));
            }
            groups.retain(|(_, indices)| !indices.is_empty());
            match self.fold_groups_in_rounds(groups, events).await? {
                Ok(()) => return Ok(()),
                Err(failed) => self.withhold(failed, events).await?,
            }
        }
    }

    fn admits(&self, event: &Input) -> bool {
        self.quarantine
            .admits(&event.document, event.position.number)
    }

    async fn withhold(
        &mut self,
        failed: Vec<Failed>,
        events: &[Input],
    ) -> Result<(), mongodb::error::Error> {
        let withheld = failed.into_iter().map(|Failed { index, reason }| {
            let event = &events[index];
            (event.document.clone(), event.position.number, reason)
        });
        self.quarantine.withhold(withheld.collect()).await
    }

    async fn carry_out(&mut self, decision: &Decision) -> Result<(), ProjectError> {
        let event = decision.event;
        let is_skip = matches!(decision.record, QuarantineEvent::Skipped(_));
        let was_skipped = self.quarantine.is_skipped(event);
        self.quarantine.decide(decision).await?;
        if let Some(document) = self.quarantine.leaving_out(event) {
            if is_skip || self.recompute(&document, decision).await? {
                self.quarantine.release_event(event).await?;
            }
            return Ok(());
        }
        if let Some(document) = self.quarantine.waiting_from(event) {
            return self.release(&document, decision).await;
        }
        if is_skip && !was_skipped && self.has_folded(event).await? {
            // Only with a fold that takes what an earlier one could not.
            let at = Position {
                partition: self.partition,
                number: event,
            };
            let what = format!("the event at {at} was skipped and is folded; rebuild the view");
            return Err(ProjectError::Standing(what));
        }
        Ok(())
    }

    async fn has_folded(&self, event: u64) -> Result<bool, ProjectError> {
        let at = Position {
            partition: self.partition,
            number: event,
        };
        let Some(entry) = self.log.entries(&[at]).await?.pop().flatten() else {
            return Ok(false);
        };
        let entry = EntryReader::default().share(entry);
        let Some(document) = self.view.document_of(&entry) else {
            return Ok(false);
        };
        let stored = self
            .documents
            .load(&[&document], ReadConcern::majority())
            .await?;
        let number = stored.get(&document).map_or(0, |stored| stored.number);
        Ok(!self.quarantine.is_set_aside(&document) && number >= event as i64)
    }

    /// Folds what has waited for a decision, up to it.
    async fn release(&mut self, document: &str, decision: &Decision) -> Result<(), ProjectError> {
        self.quarantine.admit(document);
        let mut at = self.before(decision.event);
        while at.number + 1 < decision.decided {
            let events = self
                .events_of(document, &mut at, decision.decided - 1)
                .await?;
            self.fold_events(&events).await?;
        }
        if !self.quarantine.is_set_aside(document) {
            self.quarantine.release(document).await?;
        }
        Ok(())
    }

    /// Folds a shared document anew up to a decision, with an event that it did
    /// without. Returns whether that is in now.
    async fn recompute(
        &mut self,
        document: &str,
        decision: &Decision,
    ) -> Result<bool, ProjectError> {
        let stored = self
            .documents
            .load(&[document], ReadConcern::majority())
            .await?;
        let stored = stored.get(document);
        let end = stored
            .map_or(0, |stored| stored.number as u64)
            .max(decision.decided - 1);
        let (parts, mut folded, mut last) = (Parts::new(), None, None);
        let mut at = self.before(1);
        while at.number < end {
            let events = self.events_of(document, &mut at, end).await?;
            let admitted = events
                .iter()
                .filter(|event| event.position.number == decision.event || self.admits(event));
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

    /// Some more events of one document, after a place and up to number `end`;
    /// perhaps none of many.
    async fn events_of(
        &self,
        document: &str,
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
            if self.view.document_of(&entry).as_deref() == Some(document)
                && let Ok([_, event]) = Input::all_of(self.view, &entry)
            {
                events.extend(event);
            }
        }
        Ok(events)
    }

    /// Folds in rounds: of a document with parts, some events are folded when
    /// those before them are written.
    async fn fold_groups_in_rounds(
        &mut self,
        mut groups: Vec<Group<'_>>,
        events: &[Input],
    ) -> Result<Result<(), Vec<Failed>>, ProjectError> {
        while !groups.is_empty() {
            match self.fold_round(groups, events).await? {
                Ok(left) => groups = left,
                Err(failed) => return Ok(Err(failed)),
            }
        }
        Ok(Ok(()))
    }

    /// Folds of each group as much as one write of its document takes. Returns
    /// what is left.
    async fn fold_round<'a>(
        &mut self,
        groups: Vec<Group<'a>>,
        events: &[Input],
    ) -> Result<Result<Vec<Group<'a>>, Vec<Failed>>, ProjectError> {
        let mut overtaken = None;
        for attempt in 0..ATTEMPTS {
            // A document that begins in this batch is there only if somebody
            // wrote it and did not move the checkpoint: then inserting it fails.
            let is_new = |first: &usize| attempt == 0 && events[*first].begins;
            let old = groups
                .iter()
                .filter(|(_, of)| !of.first().is_some_and(is_new));
            let ids: Vec<&str> = old.map(|(id, _)| *id).collect();
            // An event that is in a document is passed over: that must last.
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
            // First the parts: a document knows only of parts that are there.
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
    ) -> Result<Result<Writes<'a>, Vec<Failed>>, ProjectError> {
        let mut writes = Writes::default();
        let mut all_failed: Vec<Failed> = Vec::new();
        let mut parts = Parts::new();
        let mut to_fold: Vec<&Group<'a>> = groups.iter().collect();
        while !to_fold.is_empty() {
            let (mut needed, mut again) = (Vec::new(), Vec::new());
            for group in to_fold {
                let before = stored.get(group.0);
                match self.fold_group(&group.1, events, before, &parts) {
                    Ok(GroupOutcome::Known) => {}
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
                        writes.overtaken = Some(Failed { index, reason });
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
    ) -> Result<GroupOutcome, Failed> {
        let behind = before.map_or(0, |stored| stored.number);
        let new: Vec<usize> = indices
            .iter()
            .copied()
            .filter(|index| events[*index].position.number as i64 > behind)
            .collect();
        let Some(&first) = new.first() else {
            return Ok(GroupOutcome::Known);
        };
        let of_document: Vec<&Input> = new.iter().map(|index| &events[*index]).collect();
        let before = Before {
            document: before.map(|stored| &*stored.document),
            parts,
            zone: self.zone,
        };
        let folded = self.view.fold(&before, &of_document).and_then(fitting);
        let folded = folded.map_err(|(at, error)| Failed {
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

/// The error of an event that a view cannot take.
pub(crate) fn cannot(view: &dyn AnyView, position: Position, reason: String) -> ProjectError {
    ProjectError::Event {
        view: view.name(),
        position,
        reason,
    }
}

fn fitting(outcome: FoldOutcome) -> Result<FoldOutcome, (usize, FoldError)> {
    let FoldOutcome::After(after) = &outcome else {
        return Ok(outcome);
    };
    let bytes = after.document.as_bytes().len();
    if bytes <= MAX_DOCUMENT {
        return Ok(outcome);
    }
    let why = format!("its document would have {bytes} bytes, MongoDB takes {MAX_DOCUMENT}");
    Err((0, FoldError(why)))
}

/// Events by the document they touch, documents in the order first touched.
fn group(events: &[Input]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut index_of: HashMap<&str, usize> = HashMap::new();
    for (index, event) in events.iter().enumerate() {
        let id = event.document.as_str();
        // The events of a commit touch the same document of `audit`.
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

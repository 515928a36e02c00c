//! Folding of batches of events into the documents of one generation, without
//! regard to the quarantine.

use std::collections::HashMap;
use std::time::Duration;

use bson::{Binary, RawDocumentBuf};
use chrono_tz::Tz;
use eventlog::Position;
use mongodb::options::ReadConcern;
use tokio::time::Instant;

use crate::runtime::documents::{Documents, StoredDocument, Write, placed};
use crate::runtime::error::ProjectError;
use crate::runtime::generation::Generation;
use crate::runtime::parts::{DocumentAfter, DocumentBefore, FoldOutcome, Part, Parts};
use crate::runtime::store::Store;
use crate::runtime::view::{AnyView, FoldError, FoldInput};

/// Maximum number of attempts to fold a batch while other processes write the
/// same documents.
const ATTEMPTS: usize = 16;

/// Maximum size of a document, in bytes. MongoDB accepts 16 MiB, of which some
/// is reserved for the fields that place a document.
pub(crate) const MAX_DOCUMENT: usize = (16 << 20) - 1024;

const OVERTAKEN: &str = "a part of its document is ahead of the document's events";

/// Documents of a generation, into which batches of events are folded.
///
/// A crash at any point, a repeated batch, or two processes at once do not
/// change the result: each document has the number of the last event folded
/// into it, is written only if it is unchanged since it was read, and accepts
/// only events after that number.
pub(crate) struct BatchFold {
    view: &'static dyn AnyView,
    documents: Documents,
    /// Parts of the documents.
    parts: Documents,
    zone: Tz,
    collection: Option<BoundCollection>,
}

/// The collection that a fold is bound to.
struct BoundCollection {
    uuid: Option<Binary>,
    checked_at: Instant,
    /// Time until the next check.
    holds: Duration,
}

/// Id of a document, and the indices of the batch's events to fold into it.
pub(crate) type DocumentEvents<'a> = (&'a str, Vec<usize>);

/// The first event of a document in a batch that cannot be folded.
pub(crate) struct FailedEvent {
    pub(crate) index: usize,
    pub(crate) reason: String,
}

/// Groups the events that `admits` accepts by the document that they touch, in
/// the order of the first event of each.
pub(crate) fn group(
    events: &[FoldInput],
    admits: impl Fn(&FoldInput) -> bool,
) -> Vec<DocumentEvents<'_>> {
    let mut groups: Vec<DocumentEvents<'_>> = Vec::new();
    let mut index_of: HashMap<&str, usize> = HashMap::new();
    for (index, event) in events.iter().enumerate().filter(|(_, event)| admits(event)) {
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

/// Writes that result from groups of events.
#[derive(Default)]
struct Writes<'a> {
    parts: Vec<Write>,
    documents: Vec<Write>,
    /// Events to fold once these writes are done.
    left: Vec<DocumentEvents<'a>>,
    /// Set if another process changed a document's parts after the document was
    /// loaded.
    overtaken: Option<FailedEvent>,
}

/// Outcome of folding one group.
enum GroupOutcome {
    /// The document already contained all events.
    AlreadyFolded,
    Folded {
        after: DocumentAfter,
        /// Index of the last event that was folded.
        last: usize,
        left: Vec<usize>,
    },
    Needs(Vec<String>),
    Overtaken(usize),
}

impl BatchFold {
    /// Creates a fold that is not bound to a collection. It folds into the one
    /// that has the generation's name.
    pub(crate) fn of(store: &Store, generation: Generation) -> Self {
        let Generation { view, number } = generation;
        Self {
            view,
            documents: Documents::of(store, view.name(), number),
            parts: Documents::parts_of(store, view.name(), number),
            zone: store.zone(),
            collection: None,
        }
    }

    pub(crate) fn view(&self) -> &'static dyn AnyView {
        self.view
    }

    pub(crate) fn documents(&self) -> &Documents {
        &self.documents
    }

    pub(crate) fn zone(&self) -> Tz {
        self.zone
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
        let gone = || ProjectError::CollectionGone(self.documents.collection().name().to_owned());
        let found = self.documents.identity().await?.ok_or_else(gone)?;
        if uuid.is_some_and(|uuid| found.as_ref() != Some(uuid)) {
            return Err(gone());
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

    /// Folds groups of a batch's events. If some cannot be folded, documents
    /// may have been written, and the caller folds the rest of the batch again
    /// without these events.
    ///
    /// Works in rounds, since later events of a document with parts can be
    /// folded only once the earlier ones are written.
    ///
    /// # Errors
    /// [`ProjectError`] if the outcome is unknown.
    pub(crate) async fn fold(
        &mut self,
        mut groups: Vec<DocumentEvents<'_>>,
        events: &[FoldInput],
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
        groups: Vec<DocumentEvents<'a>>,
        events: &[FoldInput],
    ) -> Result<Result<Vec<DocumentEvents<'a>>, Vec<FailedEvent>>, ProjectError> {
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

    /// Returns the error for documents that kept changing while a batch was
    /// written.
    pub(crate) fn contended(&self, up_to: String) -> ProjectError {
        let view = self.view.name();
        ProjectError::Contended { view, up_to }
    }

    async fn fold_groups<'a>(
        &self,
        groups: &[DocumentEvents<'a>],
        events: &[FoldInput],
        stored: &HashMap<String, StoredDocument>,
    ) -> Result<Result<Writes<'a>, Vec<FailedEvent>>, ProjectError> {
        let mut writes = Writes::default();
        let mut all_failed: Vec<FailedEvent> = Vec::new();
        let mut parts = Parts::new();
        let mut to_fold: Vec<&DocumentEvents<'a>> = groups.iter().collect();
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
            let ids: Vec<&str> = needed.iter().map(String::as_str).collect();
            let mut loaded = self.parts.load(&ids, ReadConcern::majority()).await?;
            for id in needed {
                let part = loaded.remove(&id).map(|stored| Part {
                    number: stored.number,
                    document: stored.document,
                });
                parts.insert(id, part);
            }
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
        events: &[FoldInput],
        before: Option<&StoredDocument>,
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
        let of_document: Vec<&FoldInput> = new.iter().map(|index| &events[*index]).collect();
        let before = DocumentBefore {
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
}

impl Writes<'_> {
    fn add(
        &mut self,
        id: &str,
        before: Option<&StoredDocument>,
        after: DocumentAfter,
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

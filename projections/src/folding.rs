//! Folding events into the documents of one generation of a view.

use std::collections::HashMap;
use std::time::Duration;

use bson::{Binary, RawDocumentBuf};
use eventlog::Position;
use mongodb::options::ReadConcern;
use tokio::time::Instant;

use crate::documents::{Documents, Stored, Write, placed};
use crate::view::{AnyView, FoldError, Input};
use crate::{ProjectError, Store};

/// How often a batch is folded anew because others wrote the same documents.
const ATTEMPTS: usize = 16;

/// MongoDB takes documents of 16 MiB; some of that is for the fields that place
/// one.
const MAX_DOCUMENT: usize = (16 << 20) - 1024;

/// The documents of one generation of a view, as events are folded into them.
///
/// A crash at any point, a repeat, or two processes at once change nothing:
/// each document has the number of the last event folded into it, is written
/// only if it is still as it was read, and takes only events after that one.
pub(crate) struct Folding {
    view: &'static dyn AnyView,
    documents: Documents,
    collection: Option<Identity>,
}

/// Which collection the documents are in.
struct Identity {
    uuid: Option<Binary>,
    checked_at: Instant,
    /// How long a check holds.
    holds: Duration,
}

/// The first event of a batch that cannot be folded.
struct Failed {
    index: usize,
    error: ProjectError,
}

impl Folding {
    /// Folds into whatever collection has the generation's name.
    pub(crate) fn of(store: &Store, view: &'static dyn AnyView, generation: i32) -> Self {
        Self {
            view,
            documents: Documents::of(store, view.name(), generation),
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

    /// Folds all events, or those before the first that cannot be folded.
    /// Returns the error of that one.
    ///
    /// # Errors
    /// [`ProjectError`] if nothing is known of the events: they are to be
    /// folded again.
    pub(crate) async fn fold(
        &mut self,
        mut events: &[Input],
    ) -> Result<Option<ProjectError>, ProjectError> {
        let mut stop = None;
        while let Err(failed) = self.fold_some(events).await? {
            events = &events[..failed.index];
            stop = Some(failed.error);
        }
        Ok(stop)
    }

    async fn fold_some(&mut self, events: &[Input]) -> Result<Result<(), Failed>, ProjectError> {
        let groups = group(events);
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
            let writes = match self.fold_groups(&groups, events, &stored)? {
                Ok(writes) => writes,
                Err(failed) => return Ok(Err(failed)),
            };
            if writes.iter().any(|write| write.expected.is_none()) {
                self.check_collection().await?;
            }
            if self.documents.write(writes).await? {
                return Ok(Ok(()));
            }
        }
        let last = events.last().map(|event| event.position.to_string());
        Err(ProjectError::Contended {
            view: self.view.name(),
            up_to: last.unwrap_or_default(),
        })
    }

    fn fold_groups(
        &self,
        groups: &[(&str, Vec<usize>)],
        events: &[Input],
        stored: &HashMap<String, Stored>,
    ) -> Result<Result<Vec<Write>, Failed>, ProjectError> {
        let mut writes = Vec::with_capacity(groups.len());
        let mut first_failed: Option<Failed> = None;
        for (id, indices) in groups {
            let before = stored.get(*id);
            let behind = before.map_or(0, |stored| stored.number);
            let new: Vec<usize> = indices
                .iter()
                .copied()
                .filter(|index| events[*index].position.number as i64 > behind)
                .collect();
            let Some(&last) = new.last() else {
                continue;
            };
            let of_document: Vec<&Input> = new.iter().map(|index| &events[*index]).collect();
            let document = before.map(|stored| &*stored.document);
            let folded = self.view.fold(document, &of_document).and_then(fitting);
            match folded {
                Ok(document) => {
                    let Position { partition, number } = events[last].position;
                    let document = placed(id, partition, number as i64, &document)
                        .map_err(mongodb::error::Error::custom)?;
                    writes.push(Write {
                        id: (*id).to_owned(),
                        expected: before.map(|stored| stored.number),
                        document,
                    });
                }
                Err((at, error)) => {
                    let index = new[at];
                    if first_failed.as_ref().is_none_or(|f| index < f.index) {
                        let error = cannot(self.view, events[index].position, error.0);
                        first_failed = Some(Failed { index, error });
                    }
                }
            }
        }
        Ok(first_failed.map_or(Ok(writes), Err))
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

fn fitting(document: RawDocumentBuf) -> Result<RawDocumentBuf, (usize, FoldError)> {
    let bytes = document.as_bytes().len();
    if bytes <= MAX_DOCUMENT {
        return Ok(document);
    }
    let why = format!("its document would have {bytes} bytes, MongoDB takes {MAX_DOCUMENT}");
    Err((0, FoldError(why)))
}

/// Events by the document they touch, documents in the order first touched.
fn group(events: &[Input]) -> Vec<(&str, Vec<usize>)> {
    let mut groups: Vec<(&str, Vec<usize>)> = Vec::new();
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

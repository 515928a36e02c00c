//! The projector: reads the log in order and keeps one view.

use std::collections::HashMap;
use std::sync::Arc;

use bson::RawDocumentBuf;
use eventlog::{Entry, Log, Partition, Position, Recent};
use mongodb::options::ReadConcern;

use crate::checkpoint::{Advance, Checkpoint, Checkpoints};
use crate::documents::{Documents, Stored, Write, placed};
use crate::view::{AnyView, FoldError, Input};
use crate::{EntryReader, ProjectError, ReadError, Store};

/// How often a batch is folded anew because others wrote the same documents.
const ATTEMPTS: usize = 16;

/// What to do about events of unknown types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Pass over them, and count them: a newer program may be writing.
    Live,
    /// Stop: a rebuilt view must hold all there is.
    Rebuild,
}

/// Keeps one partition's share of one generation of a view.
///
/// A crash at any point, a repeat, or two projectors at once change nothing:
/// each document knows the last event folded into it, is written only if it is
/// still as it was read, and takes only events after that one.
pub struct Projector {
    view: &'static dyn AnyView,
    log: Log,
    /// What others have just read of it, if it is read together with them.
    recent: Option<Arc<Recent>>,
    documents: Documents,
    checkpoints: Checkpoints,
    mode: Mode,
    reader: EntryReader,
    at: Position,
    /// The fingerprint of the event at `at`; `None` before the first.
    fingerprint: Option<String>,
    /// The epoch of the log that was folded.
    epoch: Arc<str>,
    /// Whether a reason to stand still is noted beside the checkpoint.
    stopped: bool,
}

impl Projector {
    /// Resumes at the checkpoint.
    ///
    /// # Errors
    /// [`ProjectError::RolledBack`] if the log has not, at the checkpoint, the
    /// event that was folded; [`ProjectError::CollectionGone`] if the
    /// documents are gone.
    pub async fn resume(
        store: &Store,
        log: &Log,
        view: &'static dyn AnyView,
        generation: i32,
        partition: Partition,
        mode: Mode,
    ) -> Result<Self, ProjectError> {
        let checkpoints = Checkpoints::of(store, view.name(), generation);
        let documents = Documents::of(store, view.name(), generation);
        let checkpoint = checkpoints.load(partition).await?;
        let at = checkpoint.as_ref().map_or(
            Position {
                partition,
                number: 0,
            },
            Checkpoint::position,
        );
        let stopped = checkpoint.as_ref().is_some_and(|c| c.stopped.is_some());
        let folded = checkpoint.filter(|_| at.number > 0);
        let mut projector = Self {
            view,
            log: log.clone(),
            recent: None,
            documents,
            checkpoints,
            mode,
            reader: EntryReader::default(),
            at,
            epoch: match &folded {
                Some(checkpoint) => checkpoint.epoch.as_str().into(),
                None => log.epoch(),
            },
            fingerprint: folded.map(|checkpoint| checkpoint.fingerprint),
            stopped,
        };
        let checked = projector.check().await;
        projector.note(checked).await?;
        Ok(projector)
    }

    /// Reads the log together with others.
    #[must_use]
    pub fn together(mut self, recent: Arc<Recent>) -> Self {
        self.recent = Some(recent);
        self
    }

    /// The last event folded.
    pub fn position(&self) -> Position {
        self.at
    }

    /// Folds up to `count` events and moves the checkpoint; returns how many
    /// there were. What cannot be folded is noted beside the checkpoint, after
    /// everything before it was folded.
    ///
    /// # Errors
    /// [`ProjectError`]; the next step tries again from the checkpoint.
    /// [`ProjectError::RolledBack`] as for [`Self::resume`].
    pub async fn step(&mut self, count: usize) -> Result<usize, ProjectError> {
        let result = self.fold_next(count).await;
        let count = self.note(result).await?;
        if self.stopped {
            self.checkpoints.go_on(self.at.partition).await?;
            self.stopped = false;
        }
        Ok(count)
    }

    /// Notes beside the checkpoint why the view stands still, if it does.
    async fn note<T>(&mut self, result: Result<T, ProjectError>) -> Result<T, ProjectError> {
        if let Err(error) = &result
            && error.is_stop()
        {
            let reason = error.to_string();
            self.checkpoints.stop(self.at.partition, &reason).await?;
            self.stopped = true;
        }
        result
    }

    /// Whether the log and the documents are still what was folded.
    async fn check(&self) -> Result<(), ProjectError> {
        if self.fingerprint.is_some() {
            self.next(0).await?;
            self.check_collection().await?;
        }
        Ok(())
    }

    async fn check_collection(&self) -> Result<(), ProjectError> {
        if self.documents.exist().await? {
            return Ok(());
        }
        let name = self.documents.collection().name();
        Err(ProjectError::CollectionGone(name.to_owned()))
    }

    /// Up to `count` entries after the last one folded. That one is read again
    /// every time: Redis may have come back with older data meanwhile.
    async fn next(&self, count: usize) -> Result<Vec<Entry>, ProjectError> {
        let Some(fingerprint) = &self.fingerprint else {
            return Ok(self.log.read(self.at, count).await?);
        };
        let rolled_back = || ProjectError::RolledBack {
            view: self.view.name(),
            position: self.at,
        };
        // An operator has accepted another log.
        if self.log.epoch() != self.epoch {
            return Err(rolled_back());
        }
        let before = Position {
            number: self.at.number - 1,
            ..self.at
        };
        let wanted = count.saturating_add(1);
        if let Some(recent) = self.recent.as_ref().filter(|_| count > 0) {
            let entries = recent.read(before, wanted).await?;
            if let Some(following) = following(entries, fingerprint) {
                return Ok(following);
            }
            // That it is another log only the log itself can tell.
        }
        let entries = self.log.read(before, wanted).await?;
        following(entries, fingerprint).ok_or_else(rolled_back)
    }

    async fn fold_next(&mut self, count: usize) -> Result<usize, ProjectError> {
        let entries = self.next(count).await?;
        let Some(last) = entries.last() else {
            return Ok(0);
        };
        let mut advance = Advance {
            to: last.position,
            fingerprint: last.fingerprint(),
            epoch: self.epoch.clone(),
            skipped: 0,
        };
        let read = entries.len();
        let (events, skipped, mut stop) = self.decode(entries);
        let mut events = events.as_slice();
        while let Err(failed) = self.fold(events).await? {
            events = &events[..failed.index];
            stop = Some(failed.error);
        }
        if let Some(error) = stop {
            self.advance_before(&error, &skipped).await?;
            return Err(error);
        }
        advance.skipped = skipped.len() as i64;
        self.advance(advance).await?;
        Ok(read)
    }

    async fn advance(&mut self, advance: Advance) -> Result<(), ProjectError> {
        self.checkpoints.advance(&advance).await?;
        self.at = advance.to;
        self.fingerprint = Some(advance.fingerprint);
        Ok(())
    }

    /// Moves the checkpoint to the event before the one that cannot be folded.
    async fn advance_before(
        &mut self,
        error: &ProjectError,
        skipped: &[Position],
    ) -> Result<(), ProjectError> {
        let ProjectError::Event { position, .. } = error else {
            return Ok(());
        };
        let to = Position {
            number: position.number - 1,
            ..*position
        };
        if let Some(before) = self.log.entries(&[to]).await?.pop().flatten() {
            let advance = Advance {
                to,
                fingerprint: before.fingerprint(),
                epoch: self.epoch.clone(),
                skipped: skipped.iter().filter(|skipped| **skipped <= to).count() as i64,
            };
            self.advance(advance).await?;
        }
        Ok(())
    }

    /// The events among entries that touch documents, where some were passed
    /// over, and the first that cannot be read, where reading ends.
    fn decode(&mut self, entries: Vec<Entry>) -> (Vec<Input>, Vec<Position>, Option<ProjectError>) {
        let mut events = Vec::with_capacity(entries.len());
        let mut skipped = Vec::new();
        for entry in entries {
            let position = entry.position;
            match self.view.read(&mut self.reader, entry) {
                Ok(event) => events.extend(event),
                Err(ReadError::Unknown(reason)) if self.mode == Mode::Live => {
                    tracing::warn!(view = self.view.name(), %position, reason, "passed over an event");
                    skipped.push(position);
                }
                Err(error) => {
                    let stop = self.cannot(position, error.to_string());
                    return (events, skipped, Some(stop));
                }
            }
        }
        (events, skipped, None)
    }

    /// Folds events into their documents, all or up to the first that fails.
    async fn fold(&self, events: &[Input]) -> Result<Result<(), Failed>, ProjectError> {
        let groups = group(events);
        for attempt in 0..ATTEMPTS {
            // A document that begins in this batch is there only if a projector
            // wrote it and did not move its checkpoint: then inserting it fails.
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
            // MongoDB would make a collection that is gone anew, with nothing in it.
            // A rebuild's own is verified before it serves.
            let inserts = writes.iter().any(|write| write.expected.is_none());
            if inserts && self.mode == Mode::Live {
                self.check_collection().await?;
            }
            if self.documents.write(writes).await? {
                return Ok(Ok(()));
            }
        }
        let position = events.last().map_or(self.at, |event| event.position);
        Err(ProjectError::Contended {
            view: self.view.name(),
            position,
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
                        let error = self.cannot(events[index].position, error.0);
                        first_failed = Some(Failed { index, error });
                    }
                }
            }
        }
        Ok(first_failed.map_or(Ok(writes), Err))
    }

    fn cannot(&self, position: Position, reason: String) -> ProjectError {
        ProjectError::Event {
            view: self.view.name(),
            position,
            reason,
        }
    }
}

/// The entries after the first, if that is the one with this fingerprint.
fn following(entries: Vec<Entry>, fingerprint: &str) -> Option<Vec<Entry>> {
    let mut entries = entries.into_iter();
    let first = entries.next()?;
    (first.fingerprint() == fingerprint).then(|| entries.collect())
}

/// The first event of a batch that cannot be folded.
struct Failed {
    index: usize,
    error: ProjectError,
}

/// MongoDB takes documents of 16 MiB; some of that is for the fields that place
/// one.
const MAX_DOCUMENT: usize = (16 << 20) - 1024;

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

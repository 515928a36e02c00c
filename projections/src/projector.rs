//! The projector: reads the log in order and keeps one view.

use std::time::Duration;

use bson::Binary;
use eventlog::{Entry, Log, Partition, Position};

use crate::checkpoint::{Advance, Checkpoint, Checkpoints};
use crate::cursor::Cursor;
use crate::folding::{Folding, cannot};
use crate::view::{AnyView, Input};
use crate::vouching::Vouched;
use crate::{EntryReader, ProjectError, Store};

/// What to do about events of unknown types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Pass over them, and count them: a newer program may be writing.
    Live,
    /// Stop: a rebuilt view must hold all there is.
    Rebuild,
}

/// Keeps one partition's share of one generation of a view, with a checkpoint
/// of its own. A crash at any point, a repeat, or two projectors at once change
/// nothing.
pub struct Projector {
    generation: i32,
    folding: Folding,
    checkpoints: Checkpoints,
    mode: Mode,
    reader: EntryReader,
    cursor: Cursor,
    /// How many events of unknown types were passed over.
    skipped: i64,
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
        let checkpoint = checkpoints.load(partition).await?;
        let at = checkpoint.as_ref().map_or(
            Position {
                partition,
                number: 0,
            },
            Checkpoint::position,
        );
        let folded = checkpoint.as_ref();
        let fingerprint = folded.map_or("", |folded| &folded.fingerprint);
        let epoch = folded.map_or("", |folded| &folded.epoch);
        let mut projector = Self {
            generation,
            folding: Folding::of(store, log, view, generation, partition),
            checkpoints,
            mode,
            reader: EntryReader::default(),
            cursor: Cursor::new(log, at, fingerprint, epoch),
            skipped: folded.map_or(0, |folded| folded.skipped),
            stopped: folded.is_some_and(|folded| folded.stopped.is_some()),
        };
        let uuid = checkpoint.and_then(|checkpoint| checkpoint.uuid);
        let checked = projector.check(uuid.as_ref()).await;
        projector.note(checked).await?;
        Ok(projector)
    }

    /// The view.
    pub fn view(&self) -> &'static dyn AnyView {
        self.folding.view()
    }

    /// The generation.
    pub fn generation(&self) -> i32 {
        self.generation
    }

    /// The last event folded.
    pub fn position(&self) -> Position {
        self.cursor.at
    }

    pub(crate) fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// What a partition's checkpoint is to know of the generation.
    pub(crate) fn vouched(&self) -> Vouched {
        Vouched {
            skipped: self.skipped,
            uuid: self.folding.uuid().cloned(),
        }
    }

    /// Folds up to `count` events and moves the checkpoint; returns how many
    /// there were. Why a view cannot be folded on is noted beside the
    /// checkpoint, after everything before that was folded.
    ///
    /// # Errors
    /// [`ProjectError`]; the next step tries again from the checkpoint.
    /// [`ProjectError::RolledBack`] as for [`Self::resume`].
    pub async fn step(&mut self, count: usize) -> Result<usize, ProjectError> {
        let result = self.fold_next(count).await;
        let count = self.note(result).await?;
        if self.stopped {
            self.checkpoints.go_on(self.cursor.at.partition).await?;
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
            self.checkpoints
                .stop(self.cursor.at.partition, &reason)
                .await?;
            self.stopped = true;
        }
        result
    }

    /// Whether the log and the documents are still what was folded.
    async fn check(&mut self, uuid: Option<&Binary>) -> Result<(), ProjectError> {
        if self.cursor.fingerprint.is_some() {
            self.next(0).await?;
        }
        let holds = match self.mode {
            Mode::Live => Duration::ZERO,
            // It is verified before it serves.
            Mode::Rebuild => Duration::from_secs(1),
        };
        self.folding.bind(uuid, holds).await
    }

    async fn next(&self, count: usize) -> Result<Vec<Entry>, ProjectError> {
        let entries = self.cursor.next(count).await?;
        entries.ok_or_else(|| ProjectError::RolledBack {
            view: self.view().name(),
            position: self.cursor.at,
        })
    }

    async fn fold_next(&mut self, count: usize) -> Result<usize, ProjectError> {
        let entries = self.next(count).await?;
        let Some(last) = entries.last() else {
            return Ok(0);
        };
        let mut advance = Advance {
            to: last.position,
            fingerprint: last.fingerprint(),
            epoch: self.cursor.epoch(),
            uuid: self.folding.uuid().cloned(),
            skipped: 0,
        };
        let read = entries.len();
        let (events, skipped, unknown) = self.decode(entries);
        self.folding.fold(&events).await?;
        if let Some(error) = unknown {
            self.advance_before(&error).await?;
            return Err(error);
        }
        advance.skipped = skipped;
        self.advance(advance).await?;
        Ok(read)
    }

    async fn advance(&mut self, advance: Advance) -> Result<(), ProjectError> {
        self.checkpoints.advance(&advance).await?;
        self.skipped += advance.skipped;
        self.cursor.move_to(advance.to, advance.fingerprint);
        Ok(())
    }

    /// Moves the checkpoint to the event before the one of an unknown type.
    async fn advance_before(&mut self, error: &ProjectError) -> Result<(), ProjectError> {
        let ProjectError::Event { position, .. } = error else {
            return Ok(());
        };
        let to = Position {
            number: position.number - 1,
            ..*position
        };
        if let Some(before) = self.cursor.log().entries(&[to]).await?.pop().flatten() {
            let advance = Advance {
                to,
                fingerprint: before.fingerprint(),
                epoch: self.cursor.epoch(),
                uuid: self.folding.uuid().cloned(),
                skipped: 0,
            };
            self.advance(advance).await?;
        }
        Ok(())
    }

    /// What the view takes from entries, how many were passed over, and, in a
    /// rebuild, the first of an unknown type, where reading ends.
    fn decode(&mut self, entries: Vec<Entry>) -> (Vec<Input>, i64, Option<ProjectError>) {
        let mut events = Vec::with_capacity(entries.len());
        let mut skipped = 0;
        for entry in entries {
            let position = entry.position;
            match Input::all_of(self.view(), &self.reader.share(entry)) {
                Ok(inputs) => events.extend(inputs.into_iter().flatten()),
                Err(reason) if self.mode == Mode::Live => {
                    tracing::warn!(view = self.view().name(), %position, reason, "passed over an event");
                    skipped += 1;
                }
                Err(reason) => {
                    return (events, skipped, Some(cannot(self.view(), position, reason)));
                }
            }
        }
        (events, skipped, None)
    }
}

//! The projector, which reads one partition in order and keeps its share of one
//! view up to date.

use std::time::Duration;

use bson::Binary;
use eventlog::{Entry, Log, Partition, Position};

use crate::runtime::checkpoint::{Advance, Checkpoint, Checkpoints};
use crate::runtime::cursor::LogCursor;
use crate::runtime::error::ProjectError;
use crate::runtime::folding::Folding;
use crate::runtime::generation::Generation;
use crate::runtime::recorded::EntryReader;
use crate::runtime::store::Store;
use crate::runtime::view::{AnyView, FoldInput};
use crate::runtime::vouching::Vouched;

/// Handling of events of unknown types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Pass over the events and count them, since a newer program may be
    /// writing.
    Live,
    /// Stop at the first one, since a rebuilt view must contain all events.
    Rebuild,
}

/// Projector of one partition of one generation, with a checkpoint of its own.
/// A crash at any point, a repeated batch, or two projectors at once do not
/// change the result.
pub struct Projector {
    generation: i32,
    folding: Folding,
    checkpoints: Checkpoints,
    mode: Mode,
    reader: EntryReader,
    cursor: LogCursor,
    /// Number of events of unknown types that were passed over.
    skipped: i64,
    /// True if a stop reason is recorded in the checkpoint.
    stopped: bool,
}

impl Projector {
    /// Creates a projector that resumes at the checkpoint.
    ///
    /// # Errors
    /// [`ProjectError::RolledBack`] if the log does not have the last folded
    /// event at the checkpoint; [`ProjectError::CollectionGone`] if the
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
        let folded = checkpoint.as_ref();
        let start = Position {
            partition,
            number: 0,
        };
        let at = folded.map_or(start, Checkpoint::position);
        let fingerprint = folded.map_or("", |folded| &folded.fingerprint);
        let epoch = folded.map_or("", |folded| &folded.epoch);
        let folding_into = Generation {
            view,
            number: generation,
        };
        let mut projector = Self {
            generation,
            folding: Folding::of(store, log, folding_into, partition),
            checkpoints,
            mode,
            reader: EntryReader::default(),
            cursor: LogCursor::new(log, at, fingerprint, epoch),
            skipped: folded.map_or(0, |folded| folded.skipped),
            stopped: folded.is_some_and(|folded| folded.stopped.is_some()),
        };
        let uuid = checkpoint.and_then(|checkpoint| checkpoint.uuid);
        let checked = projector.check(uuid.as_ref()).await;
        projector.record_stop(checked).await?;
        Ok(projector)
    }

    /// Returns the view.
    pub fn view(&self) -> &'static dyn AnyView {
        self.folding.view()
    }

    /// Returns the generation's number.
    pub fn generation(&self) -> i32 {
        self.generation
    }

    /// Returns the position of the last event folded.
    pub fn position(&self) -> Position {
        self.cursor.at
    }

    pub(crate) fn cursor(&self) -> &LogCursor {
        &self.cursor
    }

    /// Returns the details that a partition's checkpoint records when it
    /// vouches for the generation.
    pub(crate) fn vouched(&self) -> Vouched {
        Vouched {
            skipped: self.skipped,
            uuid: self.folding.uuid().cloned(),
        }
    }

    /// Folds up to `count` events and moves the checkpoint. Returns the number
    /// of events read. If the view cannot be folded further, everything before
    /// that point is folded first, and the reason is recorded in the
    /// checkpoint.
    ///
    /// # Errors
    /// [`ProjectError`]; the next step retries from the checkpoint.
    /// [`ProjectError::RolledBack`] as for [`Self::resume`].
    pub async fn step(&mut self, count: usize) -> Result<usize, ProjectError> {
        let result = self.fold_next(count).await;
        let count = self.record_stop(result).await?;
        if self.stopped {
            self.checkpoints
                .clear_stop(self.cursor.at.partition)
                .await?;
            self.stopped = false;
        }
        Ok(count)
    }

    /// Records an error that stalls the view in the checkpoint, and returns the
    /// result unchanged.
    async fn record_stop<T>(&mut self, result: Result<T, ProjectError>) -> Result<T, ProjectError> {
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

    /// Checks that the log and the collection are still the ones that were
    /// folded, and binds to the collection.
    async fn check(&mut self, uuid: Option<&Binary>) -> Result<(), ProjectError> {
        if self.cursor.fingerprint.is_some() {
            self.next(0).await?;
        }
        let holds = match self.mode {
            Mode::Live => Duration::ZERO,
            // Checked less often for speed: a rebuilt generation is verified
            // before it serves.
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

    /// Decodes entries for the view. Returns the events, the number of entries
    /// passed over and, in a rebuild, the error for the first entry of an
    /// unknown type, where reading ends.
    fn decode(&mut self, entries: Vec<Entry>) -> (Vec<FoldInput>, i64, Option<ProjectError>) {
        let zone = self.folding.zone();
        let mut events = Vec::with_capacity(entries.len());
        let mut skipped = 0;
        for entry in entries {
            let position = entry.position;
            let entry = self.reader.share(entry);
            match FoldInput::add_all(self.view(), &entry, zone, &mut events) {
                Ok(()) => {}
                Err(reason) if self.mode == Mode::Live => {
                    tracing::warn!(
                        view = self.view().name(),
                        %position,
                        reason,
                        "passed over an event of an unknown type"
                    );
                    skipped += 1;
                }
                Err(reason) => {
                    let view = self.view().name();
                    let error = ProjectError::Event {
                        view,
                        position,
                        reason,
                    };
                    return (events, skipped, Some(error));
                }
            }
        }
        (events, skipped, None)
    }
}

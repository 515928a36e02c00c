//! Status of views, for operators.

use eventlog::{Log, Position};

use crate::runtime::checkpoint::{Checkpoint, Checkpoints};
use crate::runtime::error::ProjectError;
use crate::runtime::generation::{Pointer, UNBUILT};
use crate::runtime::store::Store;

/// Generations of a view, and the progress of the serving one.
#[derive(Debug, Clone)]
pub struct ViewStatus {
    /// Name of the view.
    pub name: &'static str,
    /// Serving generation; 0 while the first one is being built.
    pub generation: i32,
    /// Version of the fold that made the serving generation.
    pub fold: i32,
    /// True if an older version of the view's fold made the serving generation,
    /// so that the view must be rebuilt.
    pub outdated: bool,
    /// Previous generation, kept for one rollback.
    pub previous: Option<i32>,
    /// Generation that is offered to the workers, and serves once all partitions
    /// vouch for it.
    pub joining: Option<i32>,
    /// Rebuild in progress, if any.
    pub building: Option<BuildStatus>,
    /// Progress of the serving generation in each partition, or of the first one
    /// while it is being built.
    pub partitions: Vec<PartitionStatus>,
}

/// Progress of a rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildStatus {
    /// Generation that is being built.
    pub generation: i32,
    /// Number of events folded so far.
    pub done: u64,
    /// Number of events in the log.
    pub of: u64,
}

/// Progress of a view in one partition.
#[derive(Debug, Clone)]
pub struct PartitionStatus {
    /// Position of the last folded event.
    pub position: Position,
    /// Number of the last event in the log.
    pub end: u64,
    /// Number of events of unknown types that were passed over.
    pub skipped: u64,
    /// Reason why the view is stalled, if it is.
    pub stopped: Option<String>,
}

impl ViewStatus {
    /// Returns whether no generation serves yet: the view came with a newer
    /// program and is being built.
    pub fn is_unbuilt(&self) -> bool {
        self.generation == UNBUILT
    }

    /// Returns the number of events in the log that the view has not folded.
    pub fn lag(&self) -> u64 {
        self.partitions.iter().map(PartitionStatus::lag).sum()
    }
}

impl PartitionStatus {
    /// Returns the number of events in the partition that are not folded.
    pub fn lag(&self) -> u64 {
        self.end.saturating_sub(self.position.number)
    }
}

impl Store {
    /// Returns the status of every view.
    ///
    /// # Errors
    /// If Redis or MongoDB does not answer.
    pub async fn status(&self, log: &Log) -> Result<Vec<ViewStatus>, ProjectError> {
        let ends = log.ends().await?;
        let mut all = Vec::with_capacity(self.views().len());
        for view in self.views().iter().copied() {
            let name = view.name();
            let (generation, pointer) = self.generations().current(name).await?;
            let shown = shown_generation(generation, pointer.as_ref());
            let reached = Checkpoints::of(self, name, shown).all().await?;
            let partitions = ends.iter().map(|end| {
                let mut reached = reached.iter();
                let checkpoint = reached.find(|c| c.position().partition == end.partition);
                PartitionStatus {
                    position: checkpoint
                        .map_or(Position { number: 0, ..*end }, Checkpoint::position),
                    end: end.number,
                    skipped: checkpoint.map_or(0, |c| u64::try_from(c.skipped).unwrap_or_default()),
                    stopped: checkpoint.and_then(|c| c.stopped.clone()),
                }
            });
            let partitions = partitions.collect();
            let building = match pointer.as_ref().and_then(|p| p.building) {
                None => None,
                Some(generation) => {
                    let reached = Checkpoints::of(self, name, generation).all().await?;
                    Some(BuildStatus {
                        generation,
                        done: reached.iter().map(|c| c.position().number).sum(),
                        of: ends.iter().map(|end| end.number).sum(),
                    })
                }
            };
            all.push(ViewStatus {
                name,
                generation,
                fold: pointer.as_ref().map_or(view.fold_version(), Pointer::fold),
                outdated: pointer.as_ref().is_some_and(|p| p.is_outdated(view)),
                previous: pointer.as_ref().and_then(|p| p.previous),
                joining: pointer.and_then(|p| p.joining),
                building,
                partitions,
            });
        }
        Ok(all)
    }

    /// Returns the name of each stalled view and the reason, once per
    /// partition.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn stopped(&self) -> Result<Vec<(&'static str, String)>, mongodb::error::Error> {
        let mut all = Vec::new();
        for view in self.views() {
            let (active, pointer) = self.generations().current(view.name()).await?;
            let shown = shown_generation(active, pointer.as_ref());
            let checkpoints = Checkpoints::of(self, view.name(), shown).all().await?;
            let reasons = checkpoints.into_iter().filter_map(|c| c.stopped);
            all.extend(reasons.map(|reason| (view.name(), reason)));
        }
        Ok(all)
    }

    /// Returns the views that came with a newer program and are being built for
    /// the first time. Reads of them fail until they are.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn unbuilt(&self) -> Result<Vec<&'static str>, mongodb::error::Error> {
        let mut all = Vec::new();
        for view in self.views() {
            let active = self.generations().active(view.name()).await?;
            all.extend((active == UNBUILT).then_some(view.name()));
        }
        Ok(all)
    }

    /// Returns the views whose serving generations an older version of their
    /// fold made. Their documents may be wrong until they are rebuilt.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn outdated(&self) -> Result<Vec<&'static str>, mongodb::error::Error> {
        let mut all = Vec::new();
        for view in self.views().iter().copied() {
            let pointer = self.generations().find(view.name()).await?;
            let outdated = pointer.is_some_and(|pointer| pointer.is_outdated(view));
            all.extend(outdated.then_some(view.name()));
        }
        Ok(all)
    }
}

/// Returns the generation whose progress the status shows: the serving one, or the
/// one that is being built while none serves.
fn shown_generation(active: i32, pointer: Option<&Pointer>) -> i32 {
    match active {
        UNBUILT => pointer.and_then(|pointer| pointer.building).unwrap_or(1),
        active => active,
    }
}

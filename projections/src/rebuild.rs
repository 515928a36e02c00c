//! Folding a view anew from the log while the old one serves.

use eventlog::{Log, LogError};
use tokio::sync::mpsc;

use crate::long_read::require_whole;
use crate::parallel::each_partition;
use crate::projector::{Mode, Projector};
use crate::verify::{DocumentsReport, verify_documents};
use crate::view::AnyView;
use crate::{ProjectError, Store};

/// Events per batch. A larger one meets a document more often before it is
/// written once; about 25 MB for each partition folded at once.
const BATCH: usize = 32_000;

/// Events per batch of a view with a document per commit: hardly any is met
/// twice, and a small batch stays in the processor's cache.
const COMMITS_BATCH: usize = 4_000;

/// How often a rebuild catches up before it lets the new generation serve. In
/// between less and less comes in; waiting for nothing could last forever.
const CATCH_UPS: usize = 3;

/// How far a rebuild is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Events folded, of all that were in the log at the start.
    Folding {
        /// Events so far.
        done: u64,
        /// Events in all.
        of: u64,
    },
    /// Building the indexes.
    Indexing,
    /// Holding the new documents against the log.
    Verifying,
    /// Letting the new generation serve.
    Switching,
}

/// What a rebuild did.
#[derive(Debug)]
pub struct RebuildReport {
    /// The generation that serves now.
    pub generation: i32,
    /// Events folded.
    pub events: u64,
    /// What the verification looked at.
    pub verified: DocumentsReport,
}

/// Why a rebuild did not end in a switch. The old generation serves on.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// An event could not be folded, or an engine did not answer.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// What was folded is not what the log says.
    #[error("generation {generation} does not agree with the log: {}", .differences.join("; "))]
    Verification {
        /// The generation, kept to be looked at until the next rebuild.
        generation: i32,
        /// What differs.
        differences: Vec<String>,
    },
    /// Another rebuild has begun meanwhile.
    #[error("another rebuild of {0} has begun since")]
    Superseded(&'static str),
    /// There is no previous generation to go back to.
    #[error("{0} has no previous generation")]
    NoPrevious(&'static str),
}

impl RebuildError {
    /// Whether trying again would come to the same.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Project(error) => error.is_stop(),
            Self::Superseded(_) => false,
            Self::Verification { .. } | Self::NoPrevious(_) => true,
        }
    }
}

impl From<LogError> for RebuildError {
    fn from(error: LogError) -> Self {
        Self::Project(error.into())
    }
}

impl From<mongodb::error::Error> for RebuildError {
    fn from(error: mongodb::error::Error) -> Self {
        Self::Project(error.into())
    }
}

/// Folds the whole log into the next generation of a view, verifies it, and
/// lets it serve. The caller holds the view's rebuild lease.
///
/// # Errors
/// [`RebuildError`]; what served before serves on. [`LogError::Trimmed`] at once
/// if any of the log was trimmed.
pub async fn rebuild(
    store: &Store,
    log: &Log,
    view: &'static dyn AnyView,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<RebuildReport, RebuildError> {
    // Before a generation is begun that could never be folded.
    require_whole(log).await?;
    let generations = store.generations();
    generations.prepare().await?;
    let generation = generations.begin(view).await?;
    let events = fold_all(store, log, view, generation, Mode::Rebuild, progress).await?;
    progress(Progress::Indexing);
    generations.create_indexes(view, generation).await?;
    progress(Progress::Verifying);
    let verified = verify_documents(store, log, view, generation).await?;
    if !verified.differences.is_empty() {
        return Err(RebuildError::Verification {
            generation,
            differences: verified.differences,
        });
    }
    progress(Progress::Switching);
    // What came in meanwhile: the switch should not show an older state.
    for _ in 0..CATCH_UPS {
        if fold_all(store, log, view, generation, Mode::Rebuild, &|_| {}).await? == 0 {
            break;
        }
    }
    if !generations.switch(view.name(), generation).await? {
        return Err(RebuildError::Superseded(view.name()));
    }
    Ok(RebuildReport {
        generation,
        events,
        verified,
    })
}

/// Lets the previous generation of a view serve again, caught up first.
/// Returns its number. The caller holds the view's rebuild lease.
///
/// # Errors
/// [`RebuildError::NoPrevious`] if there is none.
pub async fn roll_back(
    store: &Store,
    log: &Log,
    view: &'static dyn AnyView,
) -> Result<i32, RebuildError> {
    let generations = store.generations();
    let pointer = generations.find(view.name()).await?;
    let previous = pointer
        .and_then(|pointer| pointer.previous)
        .ok_or(RebuildError::NoPrevious(view.name()))?;
    // It goes on where it served: what was passed over then is passed over now.
    fold_all(store, log, view, previous, Mode::Live, &|_| {}).await?;
    if !generations.switch(view.name(), previous).await? {
        return Err(RebuildError::Superseded(view.name()));
    }
    Ok(previous)
}

/// Folds every partition from its checkpoint to what is its end now; returns
/// how many events that were.
async fn fold_all(
    store: &Store,
    log: &Log,
    view: &'static dyn AnyView,
    generation: i32,
    mode: Mode,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<u64, ProjectError> {
    let ends = log.ends().await?;
    let of = ends.iter().map(|end| end.number).sum();
    let (sender, mut steps) = mpsc::unbounded_channel();
    let folding = each_partition(log.partitions(), |partition| {
        let (store, log, sender) = (store.clone(), log.clone(), sender.clone());
        let end = ends.iter().find(|end| end.partition == partition);
        let end = end.map_or(0, |end| end.number);
        async move {
            let resume = Projector::resume(&store, &log, view, generation, partition, mode);
            let batch = if view.is_per_commit() {
                COMMITS_BATCH
            } else {
                BATCH
            };
            fold_partition(resume.await?, end, batch, &sender).await
        }
    });
    tokio::pin!(folding);
    let mut done = 0;
    loop {
        tokio::select! {
            biased;
            Some(count) = steps.recv() => {
                done += count;
                progress(Progress::Folding { done, of });
            }
            folded = &mut folding => {
                folded?;
                while let Ok(count) = steps.try_recv() {
                    done += count;
                }
                return Ok(done);
            }
        }
    }
}

async fn fold_partition(
    mut projector: Projector,
    end: u64,
    batch: usize,
    steps: &mpsc::UnboundedSender<u64>,
) -> Result<(), ProjectError> {
    while projector.position().number < end {
        match projector.step(batch).await? {
            0 => break,
            // Nobody listens any more when another partition has failed.
            count => drop(steps.send(count as u64)),
        }
    }
    Ok(())
}

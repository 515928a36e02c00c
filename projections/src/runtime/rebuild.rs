//! Rebuild of a view from the log while the old generation serves.

use std::time::{Duration, Instant};

use eventlog::{Log, LogError, Partition, Role};
use tokio::sync::mpsc;

use crate::runtime::checkpoint::Checkpoints;
use crate::runtime::error::ProjectError;
use crate::runtime::folded::Topics;
use crate::runtime::long_read::require_whole;
use crate::runtime::parallel::each_partition;
use crate::runtime::projector::{Mode, Projector};
use crate::runtime::store::Store;
use crate::runtime::verify::{DocumentsReport, verify_documents};
use crate::runtime::view::AnyView;
use crate::runtime::vouching::PartitionCheckpoints;

/// Events per batch. In a larger batch, more events share one write of a
/// document. Costs about 25 MB for each partition that is folded at once.
const BATCH: usize = 32_000;

/// Events per batch of a view with a document per commit. Few documents are
/// touched twice, and a small batch stays in the processor's cache.
const COMMITS_BATCH: usize = 4_000;

/// Rounds of catching up partitions without an owner before a switch.
const CATCH_UPS: usize = 3;

/// Interval of warnings that owners have not folded a generation yet.
const WARN_INTERVAL: Duration = Duration::from_secs(60);

/// Interval at which the checkpoints are read again while owners fold a
/// generation.
const JOIN_POLL: Duration = Duration::from_millis(100);

/// Progress of a rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Folding the log.
    Folding {
        /// Number of events folded so far.
        done: u64,
        /// Number of events in the log at the start.
        of: u64,
    },
    /// Building the indexes.
    Indexing,
    /// Verifying the new documents against the log.
    Verifying,
    /// Waiting for the owners and switching to the new generation.
    Switching,
}

/// Result of a rebuild.
#[derive(Debug)]
pub struct RebuildReport {
    /// Generation that serves now.
    pub generation: i32,
    /// Number of events folded.
    pub events: u64,
    /// Result of the verification.
    pub verified: DocumentsReport,
}

/// Error of a rebuild. The old generation continues to serve.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// An event could not be folded, or Redis or MongoDB did not answer.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The documents differ from what the log yields.
    #[error("generation {generation} does not agree with the log: {}", .differences.join("; "))]
    Verification {
        /// Generation that failed, kept for inspection until the next rebuild.
        generation: i32,
        /// Differences, in plain words.
        differences: Vec<String>,
    },
    /// Another rebuild of the view has begun since.
    #[error("another rebuild of {0} has begun since")]
    Superseded(&'static str),
    /// There is no previous generation to roll back to.
    #[error("{0} has no previous generation")]
    NoPrevious(&'static str),
}

impl RebuildError {
    /// Returns whether another attempt would fail in the same way.
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
/// switches to it. The caller must hold the view's rebuild lease.
///
/// # Errors
/// [`RebuildError`]; the old generation then continues to serve.
/// [`LogError::Trimmed`] at once if any events were trimmed.
pub async fn rebuild(
    store: &Store,
    log: &Log,
    view: &'static dyn AnyView,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<RebuildReport, RebuildError> {
    // Checked first, so that no generation is begun that could never be
    // completed.
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
    hand_over(store, log, view, generation, Mode::Rebuild).await?;
    Ok(RebuildReport {
        generation,
        events,
        verified,
    })
}

/// Catches up the previous generation of a view and switches back to it.
/// Returns its number. The caller must hold the view's rebuild lease.
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
    // `Mode::Live`: events of unknown types that were passed over while it
    // served are passed over again.
    fold_all(store, log, view, previous, Mode::Live, &|_| {}).await?;
    hand_over(store, log, view, previous, Mode::Live).await?;
    Ok(previous)
}

/// Switches to a folded generation once the owners of all partitions vouch for
/// it, so that the switch shows no older state. Partitions without an owner are
/// caught up here.
async fn hand_over(
    store: &Store,
    log: &Log,
    view: &'static dyn AnyView,
    generation: i32,
    mode: Mode,
) -> Result<(), RebuildError> {
    let name = view.name();
    let generations = store.generations();
    if !generations.offer(name, generation).await? {
        return Err(RebuildError::Superseded(name));
    }
    // Without this notice, owners would see the offer within a second.
    store.folded().announce(log, Topics::VIEWS).await;
    let joined = wait_until_joined(store, log, view, generation, mode).await;
    if joined.is_err() {
        generations.withdraw(name, generation).await?;
    }
    joined
}

async fn wait_until_joined(
    store: &Store,
    log: &Log,
    view: &'static dyn AnyView,
    generation: i32,
    mode: Mode,
) -> Result<(), RebuildError> {
    let name = view.name();
    let generations = store.generations();
    let superseded = || RebuildError::Superseded(name);
    let mut watcher = store.folded().watch(Topics::ALL);
    let (mut catch_ups, mut warned_at) = (0, Instant::now());
    loop {
        let pointer = generations.find(name).await?.ok_or_else(superseded)?;
        if pointer.active == generation {
            return Ok(()); // Another process has switched to it.
        }
        if pointer.joining != Some(generation) {
            return Err(superseded());
        }
        let waiting = not_vouched(store, log, name, generation).await?;
        let members = log.members(Role::Fold).await?;
        let (owned, left): (Vec<Partition>, Vec<Partition>) = waiting
            .into_iter()
            .partition(|partition| members.owner(*partition).is_some());
        if !left.is_empty() {
            let folded =
                fold_partitions(store, log, view, generation, mode, &left, &|_| {}).await?;
            // An owner may have appeared meanwhile, so check again. New events
            // may keep arriving, so the number of rounds is limited.
            catch_ups += 1;
            if folded > 0 && catch_ups < CATCH_UPS {
                continue;
            }
        }
        if owned.is_empty() {
            if generations.switch(name, generation).await? {
                return Ok(());
            }
            // Another process has switched to it, or another rebuild has begun.
            continue;
        }
        require_not_stopped(store, name, generation, &owned).await?;
        if warned_at.elapsed() >= WARN_INTERVAL {
            tracing::warn!(
                view = name,
                generation,
                partitions = ?owned,
                "waiting for the owners of these partitions to fold the generation"
            );
            warned_at = Instant::now();
        }
        watcher.changed(JOIN_POLL).await;
    }
}

/// Fails if an owner cannot fold the generation.
async fn require_not_stopped(
    store: &Store,
    view: &'static str,
    generation: i32,
    owned: &[Partition],
) -> Result<(), ProjectError> {
    let checkpoints = Checkpoints::of(store, view, generation).all().await?;
    let mut stopped = checkpoints
        .into_iter()
        .filter(|checkpoint| owned.contains(&checkpoint.position().partition))
        .filter_map(|checkpoint| checkpoint.stopped);
    stopped
        .next()
        .map_or(Ok(()), |reason| Err(ProjectError::Standing(reason)))
}

/// Returns the partitions whose checkpoints do not vouch for a generation.
async fn not_vouched(
    store: &Store,
    log: &Log,
    view: &str,
    generation: i32,
) -> Result<Vec<Partition>, ProjectError> {
    let checkpoints = PartitionCheckpoints::of(store).all().await?;
    let vouching: Vec<Partition> = checkpoints
        .iter()
        .filter(|checkpoint| checkpoint.vouched(view, generation).is_some())
        .map(|checkpoint| checkpoint.position().partition)
        .collect();
    let partitions = log.partitions();
    Ok(partitions.filter(|p| !vouching.contains(p)).collect())
}

/// Switches to the offered generations that all partitions vouch for. This
/// completes a rebuild whose process died, and the first build of a view that
/// came with a newer program.
///
/// # Errors
/// [`ProjectError`] if MongoDB does not answer.
pub async fn switch_joined(store: &Store, log: &Log) -> Result<(), ProjectError> {
    let generations = store.generations();
    for pointer in generations.all().await? {
        let (Some(joining), Some(view)) = (pointer.joining, store.view(pointer.view())) else {
            continue;
        };
        let waiting = not_vouched(store, log, view.name(), joining).await?;
        if waiting.is_empty() && generations.switch(view.name(), joining).await? {
            tracing::info!(
                view = view.name(),
                generation = joining,
                "switched the serving generation"
            );
        }
    }
    Ok(())
}

/// Folds every partition from its checkpoint to its current end. Returns the
/// number of events folded.
async fn fold_all(
    store: &Store,
    log: &Log,
    view: &'static dyn AnyView,
    generation: i32,
    mode: Mode,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<u64, ProjectError> {
    let all: Vec<Partition> = log.partitions().collect();
    fold_partitions(store, log, view, generation, mode, &all, progress).await
}

/// Folds these partitions from their checkpoints to their current ends. Returns
/// the number of events folded.
async fn fold_partitions(
    store: &Store,
    log: &Log,
    view: &'static dyn AnyView,
    generation: i32,
    mode: Mode,
    partitions: &[Partition],
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<u64, ProjectError> {
    let ends = log.ends().await?;
    let of = ends.iter().map(|end| end.number).sum();
    let (sender, mut steps) = mpsc::unbounded_channel();
    let folding = each_partition(partitions.to_vec(), |partition| {
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
            // The receiver is gone once another partition has failed.
            count => drop(steps.send(count as u64)),
        }
    }
    Ok(())
}

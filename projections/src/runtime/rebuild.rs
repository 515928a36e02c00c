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
pub enum RebuildProgress {
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
    progress: &(dyn Fn(RebuildProgress) + Sync),
) -> Result<RebuildReport, RebuildError> {
    // Checked first, so that no generation is begun that could never be
    // completed.
    require_whole(log).await?;
    let generations = store.generations();
    generations.prepare().await?;
    let generation = generations.begin(view).await?;
    let candidate = Candidate::new(store, log, view, generation, Mode::Rebuild);
    let events = candidate.fold(log.partitions().collect(), progress).await?;
    progress(RebuildProgress::Indexing);
    generations.create_indexes(view, generation).await?;
    progress(RebuildProgress::Verifying);
    let verified = verify_documents(store, log, view, generation).await?;
    if !verified.differences.is_empty() {
        return Err(RebuildError::Verification {
            generation,
            differences: verified.differences,
        });
    }
    progress(RebuildProgress::Switching);
    candidate.hand_over().await?;
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
    let previous = previous_generation(store, view).await?;
    // `Mode::Live`: events of unknown types that were passed over while it
    // served are passed over again.
    let candidate = Candidate::new(store, log, view, previous, Mode::Live);
    candidate.fold(log.partitions().collect(), &|_| {}).await?;
    candidate.hand_over().await?;
    Ok(previous)
}

/// Offers the previous generation of a view to the workers, which fold what it
/// lacks and then switch back to it, as they complete a rebuild whose process died.
/// Returns its number. A rebuild that begins before the switch takes precedence. The
/// caller must hold the view's rebuild lease.
///
/// # Errors
/// [`RebuildError::NoPrevious`] if there is none, [`RebuildError::Superseded`] if
/// another process has just switched.
pub async fn offer_previous(
    store: &Store,
    log: &Log,
    view: &'static dyn AnyView,
) -> Result<i32, RebuildError> {
    let previous = previous_generation(store, view).await?;
    if !store.generations().offer(view.name(), previous).await? {
        return Err(RebuildError::Superseded(view.name()));
    }
    // Without this notice, owners would see the offer within a second.
    store.folded().announce(log, Topics::VIEWS).await;
    Ok(previous)
}

/// Returns the number of the generation that a rollback would serve again.
///
/// # Errors
/// [`RebuildError::NoPrevious`] if there is none.
pub async fn previous_generation(store: &Store, view: &dyn AnyView) -> Result<i32, RebuildError> {
    let pointer = store.generations().find(view.name()).await?;
    let previous = pointer.and_then(|pointer| pointer.previous);
    previous.ok_or(RebuildError::NoPrevious(view.name()))
}

/// Returns the name of the lease that a process holds while it changes which
/// generation of the view serves reads.
pub fn rebuild_lease(view: &dyn AnyView) -> String {
    format!("rebuild/{}", view.name())
}

/// A generation that is to serve.
struct Candidate<'a> {
    store: &'a Store,
    log: &'a Log,
    view: &'static dyn AnyView,
    generation: i32,
    mode: Mode,
}

impl<'a> Candidate<'a> {
    fn new(
        store: &'a Store,
        log: &'a Log,
        view: &'static dyn AnyView,
        generation: i32,
        mode: Mode,
    ) -> Self {
        Self {
            store,
            log,
            view,
            generation,
            mode,
        }
    }

    /// Folds these partitions from their checkpoints to their current ends.
    /// Returns the number of events folded.
    async fn fold(
        &self,
        partitions: Vec<Partition>,
        progress: &(dyn Fn(RebuildProgress) + Sync),
    ) -> Result<u64, ProjectError> {
        let (view, generation, mode) = (self.view, self.generation, self.mode);
        let batch = match view.is_per_commit() {
            true => COMMITS_BATCH,
            false => BATCH,
        };
        let ends = self.log.ends().await?;
        let of = ends.iter().map(|end| end.number).sum();
        let (sender, mut steps) = mpsc::unbounded_channel();
        let folding = each_partition(partitions, |partition| {
            let (store, log, sender) = (self.store.clone(), self.log.clone(), sender.clone());
            let end = ends.iter().find(|end| end.partition == partition);
            let end = end.map_or(0, |end| end.number);
            async move {
                let resume = Projector::resume(&store, &log, view, generation, partition, mode);
                let (mut projector, mut folded) = (resume.await?, 0);
                while projector.position().number < end {
                    let count = projector.step(batch).await? as u64;
                    if count == 0 {
                        break;
                    }
                    folded += count;
                    // The receiver is gone once another partition has failed.
                    let _gone = sender.send(count);
                }
                Ok(folded)
            }
        });
        tokio::pin!(folding);
        let mut done = 0;
        loop {
            tokio::select! {
                biased;
                Some(count) = steps.recv() => {
                    done += count;
                    progress(RebuildProgress::Folding { done, of });
                }
                folded = &mut folding => return Ok(folded?.into_iter().sum()),
            }
        }
    }

    /// Switches to the generation, which is folded, once the owners of all
    /// partitions vouch for it, so that the switch shows no older state.
    /// Partitions without an owner are caught up here.
    async fn hand_over(&self) -> Result<(), RebuildError> {
        let name = self.view.name();
        let generations = self.store.generations();
        if !generations.offer(name, self.generation).await? {
            return Err(RebuildError::Superseded(name));
        }
        // Without this notice, owners would see the offer within a second.
        self.store.folded().announce(self.log, Topics::VIEWS).await;
        let joined = self.wait_until_joined().await;
        if joined.is_err() {
            generations.withdraw(name, self.generation).await?;
        }
        joined
    }

    async fn wait_until_joined(&self) -> Result<(), RebuildError> {
        let (store, log, generation) = (self.store, self.log, self.generation);
        let name = self.view.name();
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
                let folded = self.fold(left, &|_| {}).await?;
                // An owner may have appeared meanwhile, so check again. New
                // events may keep arriving, so the number of rounds is limited.
                catch_ups += 1;
                if folded > 0 && catch_ups < CATCH_UPS {
                    continue;
                }
            }
            if owned.is_empty() {
                if generations.switch(name, generation).await? {
                    return Ok(());
                }
                // Another process has switched to it, or another rebuild has
                // begun.
                continue;
            }
            self.require_not_stopped(&owned).await?;
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

    /// Fails if one of these owners cannot fold the generation.
    async fn require_not_stopped(&self, owned: &[Partition]) -> Result<(), ProjectError> {
        let checkpoints = Checkpoints::of(self.store, self.view.name(), self.generation);
        let mut stopped = checkpoints
            .all()
            .await?
            .into_iter()
            .filter(|checkpoint| owned.contains(&checkpoint.position().partition))
            .filter_map(|checkpoint| checkpoint.stopped);
        stopped
            .next()
            .map_or(Ok(()), |reason| Err(ProjectError::Stalled(reason)))
    }
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

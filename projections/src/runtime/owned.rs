//! A partition as its owner folds it: one pass over the log for all views.
//!
//! Other processes may take the partition at any time. Documents are guarded by
//! their numbers and the checkpoint by `owner_epoch`, so that an earlier owner
//! that is still running does no harm.

use std::collections::BTreeMap;
use std::time::Duration;

use eventlog::{Entry, Log, Partition, Position};
use futures::future::join_all;

use crate::runtime::checkpoint::{Advance, Checkpoints};
use crate::runtime::cursor::LogCursor;
use crate::runtime::error::ProjectError;
use crate::runtime::folded::Topics;
use crate::runtime::folding::Folding;
use crate::runtime::generation::Generation;
use crate::runtime::projector::Projector;
use crate::runtime::recorded::EntryReader;
use crate::runtime::store::{Collections, Store};
use crate::runtime::view::{AnyView, FoldInput};
use crate::runtime::vouching::{CheckpointPosition, PartitionCheckpoints, Vouched};

/// Time for which the check of a collection holds. It has no limit, since
/// [`OwnedPartition::check`] checks all collections together, which is cheaper
/// than a check of each one before a write.
const COLLECTION_HOLDS: Duration = Duration::MAX;

/// Number of entries that are decoded before the task yields.
const TURN: usize = 256;

/// Result of one step of the owner.
#[derive(Default)]
pub struct Step {
    /// Number of events read.
    pub events: usize,
    /// Topics of these events.
    pub topics: Topics,
    /// Generations that cannot be folded further, with the error. Each now has
    /// a checkpoint of its own.
    pub removed: Vec<(Generation, ProjectError)>,
}

/// A partition and the generations that its owner folds together. Each entry is
/// read and decoded once for all of them, and one checkpoint vouches for all of
/// them.
pub struct OwnedPartition {
    store: Store,
    checkpoints: PartitionCheckpoints,
    owner_epoch: i64,
    cursor: LogCursor,
    reader: EntryReader,
    generations: BTreeMap<String, OwnedGeneration>,
}

struct OwnedGeneration {
    generation: Generation,
    folding: Folding,
    vouched: Vouched,
    /// Number of events of the current batch that were passed over.
    skipped: i64,
}

/// Events of a batch for one generation.
#[derive(Default)]
struct Share {
    events: Vec<FoldInput>,
    /// Number of events of unknown types.
    skipped: i64,
}

impl OwnedPartition {
    /// Acquires a partition from its earlier owner, whose checkpoint writes
    /// fail from now on. Also returns the generations that were removed from
    /// the checkpoint because their collections are gone.
    ///
    /// # Errors
    /// [`ProjectError`] if MongoDB does not answer.
    pub async fn acquire(
        store: &Store,
        log: &Log,
        partition: Partition,
        owner: &str,
    ) -> Result<(Self, Vec<(Generation, ProjectError)>), ProjectError> {
        let checkpoints = PartitionCheckpoints::of(store);
        let acquired = checkpoints.acquire(partition, owner).await?;
        let (fingerprint, epoch) = (&acquired.fingerprint, &acquired.epoch);
        let mut owned = Self {
            store: store.clone(),
            checkpoints,
            owner_epoch: acquired.owner_epoch,
            cursor: LogCursor::new(log, acquired.position(), fingerprint, epoch),
            reader: EntryReader::default(),
            generations: BTreeMap::new(),
        };
        let (mut lost, mut unknown) = (Vec::new(), Vec::new());
        for (name, vouched) in &acquired.generations {
            let Some(generation) = Generation::of_collection(store, name) else {
                unknown.push(name.clone());
                continue;
            };
            let mut folding = Folding::of(store, log, generation, partition);
            match folding.bind(vouched.uuid.as_ref(), COLLECTION_HOLDS).await {
                Ok(()) => {}
                Err(error) if error.is_stop() => lost.push((generation, error)),
                Err(error) => return Err(error),
            }
            let kept = OwnedGeneration {
                generation,
                vouched: vouched.clone(),
                folding,
                skipped: 0,
            };
            owned.generations.insert(name.clone(), kept);
        }
        if !unknown.is_empty() {
            // A view that only another version of the program knows. Its own
            // checkpoint applies from now on.
            let removing = owned
                .checkpoints
                .remove(partition, owned.owner_epoch, &unknown);
            owned.fenced_unless(removing.await?)?;
        }
        for (generation, error) in &lost {
            owned.remove(*generation, Some(error)).await?;
        }
        Ok((owned, lost))
    }

    /// Returns the position of the last event folded into every generation that
    /// is kept.
    pub fn position(&self) -> Position {
        self.cursor.at
    }

    /// Returns the generations that are folded together.
    pub fn generations(&self) -> impl Iterator<Item = Generation> {
        self.generations.values().map(|kept| kept.generation)
    }

    /// Returns whether this generation is one of them.
    pub fn contains(&self, generation: Generation) -> bool {
        self.generations.contains_key(&generation.collection())
    }

    /// Folds up to `count` events into all generations and moves the
    /// checkpoint. Generations that cannot be folded further are removed at the
    /// position before these events.
    ///
    /// # Errors
    /// [`ProjectError`]; the next owner of the partition folds the events
    /// again. [`ProjectError::Fenced`] if another process has taken it.
    pub async fn step(&mut self, count: usize) -> Result<Step, ProjectError> {
        if self.generations.is_empty() {
            return Ok(Step::default());
        }
        let entries = match self.next(count).await {
            Ok(entries) => entries,
            Err(error) if error.is_stop() => {
                let removed = self.remove_all(error).await?;
                return Ok(Step {
                    removed,
                    ..Step::default()
                });
            }
            Err(error) => return Err(error),
        };
        let Some(last) = entries.last() else {
            return Ok(Step::default());
        };
        let to = CheckpointPosition {
            at: last.position,
            fingerprint: last.fingerprint(),
            epoch: self.cursor.epoch(),
        };
        let mut step = Step {
            events: entries.len(),
            ..Step::default()
        };
        let shares = self.decode(entries, &mut step.topics).await;
        let failed = self.fold(shares).await?;
        let mut names = Vec::with_capacity(failed.len());
        for (generation, error) in failed {
            self.own_checkpoint(generation, self.place(), 0, Some(&error))
                .await?;
            names.push(generation.collection());
            step.removed.push((generation, error));
        }
        self.advance(to, &names).await?;
        Ok(step)
    }

    async fn next(&self, count: usize) -> Result<Vec<Entry>, ProjectError> {
        let entries = self.cursor.next(count).await?;
        entries.ok_or_else(|| ProjectError::RolledBack {
            view: "the partition",
            position: self.cursor.at,
        })
    }

    /// Decodes each entry once for all generations.
    async fn decode(&mut self, entries: Vec<Entry>, topics: &mut Topics) -> Vec<Share> {
        let views: Vec<&dyn AnyView> = self.generations().map(|kept| kept.view).collect();
        let zone = self.store.zone();
        let mut shares: Vec<Share> = Vec::new();
        shares.resize_with(views.len(), Share::default);
        for (index, entry) in entries.into_iter().enumerate() {
            let entry = self.reader.share(entry);
            let position = entry.position();
            if let Ok(subject) = entry.subject() {
                *topics = topics.and(Topics::of(subject));
            }
            let mut unknown = None;
            for (view, share) in views.iter().zip(&mut shares) {
                let added = FoldInput::add_all(*view, &entry, zone, &mut share.events);
                if let Err(reason) = added {
                    share.skipped += 1;
                    unknown = Some(reason);
                }
            }
            if let Some(reason) = unknown {
                tracing::warn!(%position, reason, "passed over an event of an unknown type");
            }
            if index % TURN == TURN - 1 {
                tokio::task::yield_now().await;
            }
        }
        shares
    }

    /// Folds each share into its generation, all concurrently. Returns the
    /// generations that cannot be folded further.
    async fn fold(
        &mut self,
        shares: Vec<Share>,
    ) -> Result<Vec<(Generation, ProjectError)>, ProjectError> {
        let kept = self.generations.values_mut();
        let folding = kept.zip(shares).map(|(kept, share)| async move {
            match kept.folding.fold(&share.events).await {
                Ok(()) => {
                    kept.skipped = share.skipped;
                    Ok(None)
                }
                Err(error) if error.is_stop() => Ok(Some((kept.generation, error))),
                Err(error) => Err(error),
            }
        });
        let folded: Result<Vec<_>, _> = join_all(folding).await.into_iter().collect();
        Ok(folded?.into_iter().flatten().collect())
    }

    async fn advance(
        &mut self,
        to: CheckpointPosition,
        removed: &[String],
    ) -> Result<(), ProjectError> {
        self.generations.retain(|name, _| !removed.contains(name));
        let skipped: Vec<(String, i64)> = self
            .generations
            .iter_mut()
            .filter(|(_, kept)| kept.skipped > 0)
            .map(|(name, kept)| {
                kept.vouched.skipped += kept.skipped;
                (name.clone(), std::mem::take(&mut kept.skipped))
            })
            .collect();
        let (checkpoints, owner_epoch) = (&self.checkpoints, self.owner_epoch);
        if self.generations.is_empty() {
            // No generation is folded up to `to`, so the checkpoint must not
            // move.
            let removing = checkpoints.remove(to.at.partition, owner_epoch, removed);
            return self.fenced_unless(removing.await?);
        }
        let advancing = checkpoints.advance(owner_epoch, &to, &skipped, removed);
        self.fenced_unless(advancing.await?)?;
        self.cursor.move_to(to.at, to.fingerprint);
        Ok(())
    }

    fn fenced_unless(&self, is_owner: bool) -> Result<(), ProjectError> {
        let partition = self.cursor.at.partition;
        is_owner
            .then_some(())
            .ok_or(ProjectError::Fenced(partition))
    }

    /// Returns the checkpoint's position; `None` before the first event.
    fn place(&self) -> Option<CheckpointPosition> {
        Some(CheckpointPosition {
            at: self.cursor.at,
            fingerprint: self.cursor.fingerprint.clone()?,
            epoch: self.cursor.epoch(),
        })
    }

    /// Writes a generation's own checkpoint. It records the UUID of the
    /// collection that was folded into, so that a later collection of the same
    /// name is not taken for it.
    async fn own_checkpoint(
        &self,
        generation: Generation,
        to: Option<CheckpointPosition>,
        skipped: i64,
        reason: Option<&ProjectError>,
    ) -> Result<(), ProjectError> {
        let Generation { view, number } = generation;
        let own = Checkpoints::of(&self.store, view.name(), number);
        if let Some(to) = to {
            let advance = Advance {
                to: to.at,
                fingerprint: to.fingerprint,
                epoch: to.epoch,
                skipped,
                uuid: None,
            };
            own.advance(&advance).await?;
        }
        let partition = self.cursor.at.partition;
        match reason {
            Some(reason) => own.stop(partition, &reason.to_string()).await?,
            None => own.clear_stop(partition).await?,
        }
        if let Some(kept) = self.generations.get(&generation.collection()) {
            own.remember(partition, &kept.vouched).await?;
        }
        Ok(())
    }

    /// Removes the generations whose collections are not the ones that were
    /// folded into. `collections` is a recent list of all collections.
    ///
    /// # Errors
    /// As [`Self::step`].
    pub async fn check(
        &mut self,
        collections: &Collections,
    ) -> Result<Vec<(Generation, ProjectError)>, ProjectError> {
        let is_suspect = |(name, kept): &(&String, &OwnedGeneration)| {
            collections.get(*name) != Some(&kept.vouched.uuid)
        };
        let suspect = self.generations.iter().filter(is_suspect);
        let suspect: Vec<Generation> = suspect.map(|(_, kept)| kept.generation).collect();
        let mut removed = Vec::new();
        for generation in suspect {
            let Some(kept) = self.generations.get_mut(&generation.collection()) else {
                continue;
            };
            // The generation may be newer than the list, so the server decides.
            let uuid = kept.vouched.uuid.clone();
            match kept.folding.bind(uuid.as_ref(), COLLECTION_HOLDS).await {
                Ok(()) => {}
                Err(error) if error.is_stop() => {
                    self.remove(generation, Some(&error)).await?;
                    removed.push((generation, error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(removed)
    }

    /// Removes a generation. It gets a checkpoint of its own at the partition's
    /// position, with the reason why it is stalled, if there is one.
    ///
    /// # Errors
    /// As [`Self::step`].
    pub async fn remove(
        &mut self,
        generation: Generation,
        reason: Option<&ProjectError>,
    ) -> Result<(), ProjectError> {
        // Written before the generation is removed, so that it always has a
        // checkpoint.
        self.own_checkpoint(generation, self.place(), 0, reason)
            .await?;
        let partition = self.cursor.at.partition;
        let removed = [generation.collection()];
        let removing = self
            .checkpoints
            .remove(partition, self.owner_epoch, &removed);
        self.fenced_unless(removing.await?)?;
        self.generations.remove(&removed[0]);
        Ok(())
    }

    async fn remove_all(
        &mut self,
        error: ProjectError,
    ) -> Result<Vec<(Generation, ProjectError)>, ProjectError> {
        let all: Vec<Generation> = self.generations().collect();
        let mut removed = Vec::with_capacity(all.len());
        for generation in all {
            let error = match &error {
                ProjectError::RolledBack { position, .. } => ProjectError::RolledBack {
                    view: generation.view.name(),
                    position: *position,
                },
                error => ProjectError::Stalled(error.to_string()),
            };
            self.remove(generation, Some(&error)).await?;
            removed.push((generation, error));
        }
        Ok(removed)
    }

    /// Adds generations that were folded to the partition's position. If the
    /// owner folds none yet, the one that is furthest determines that position.
    /// Returns the generations that are at another position.
    ///
    /// # Errors
    /// As [`Self::step`].
    pub async fn add(&mut self, added: Vec<Projector>) -> Result<Vec<Projector>, ProjectError> {
        if self.generations.is_empty()
            && let Some(first) = added.iter().max_by_key(|projector| projector.position())
        {
            self.cursor = first.cursor().clone();
        }
        // The number is not enough: after a restore, another event may have it.
        // Before the first event, logs cannot be told apart.
        let is_here = |projector: &Projector| {
            let cursor = projector.cursor();
            cursor.at == self.cursor.at
                && cursor.fingerprint == self.cursor.fingerprint
                && (cursor.fingerprint.is_none() || cursor.epoch() == self.cursor.epoch())
        };
        let (here, elsewhere): (Vec<_>, Vec<_>) = added.into_iter().partition(is_here);
        if here.is_empty() {
            return Ok(elsewhere);
        }
        let mut kept = Vec::with_capacity(here.len());
        for projector in here {
            let generation = Generation {
                view: projector.view(),
                number: projector.generation(),
            };
            let (log, partition) = (self.cursor.log(), self.cursor.at.partition);
            let mut folding = Folding::of(&self.store, log, generation, partition);
            let vouched = projector.vouched();
            folding
                .bind(vouched.uuid.as_ref(), COLLECTION_HOLDS)
                .await?;
            let one = OwnedGeneration {
                generation,
                vouched: vouched.clone(),
                folding,
                skipped: 0,
            };
            kept.push((generation.collection(), vouched, one));
        }
        let place = CheckpointPosition {
            at: self.cursor.at,
            fingerprint: self.cursor.fingerprint.clone().unwrap_or_default(),
            epoch: self.cursor.epoch(),
        };
        let vouched: Vec<(String, Vouched)> = kept
            .iter()
            .map(|(name, vouched, _)| (name.clone(), vouched.clone()))
            .collect();
        let adding = self.checkpoints.add(self.owner_epoch, &place, &vouched);
        self.fenced_unless(adding.await?)?;
        let kept = kept.into_iter().map(|(name, _, one)| (name, one));
        self.generations.extend(kept);
        Ok(elsewhere)
    }
}

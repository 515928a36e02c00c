//! Generations that catch up with their partition before they join it.
//!
//! A new or restarted generation is behind the partition's checkpoint. It is folded
//! in a task of its own until it is near the partition, so that it does not hold
//! back the views that serve reads. It then joins, and from there on one pass over
//! the log feeds all views.

use std::sync::Arc;
use std::time::Duration;

use eventlog::{Log, Partition};
use projections::{Generation, Mode, OwnedPartition, ProjectError, Projector, Store};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use crate::shared::SharedResources;
use crate::time_limit::with_timeout;

/// Number of events that are folded in one step.
const BATCH: usize = 8_000;

/// Largest distance, in events, at which a generation counts as ready to join. The
/// partition waits while the rest is folded, so this bounds that wait.
const NEAR: u64 = 1_000;

/// Delay after Redis or MongoDB failed.
const PAUSE: Duration = Duration::from_millis(500);

/// Delay after an error that only an operator can resolve.
const LONG_PAUSE: Duration = Duration::from_secs(5);

/// Generations of one partition that are catching up with it.
pub(crate) struct CatchUps {
    partition: Partition,
    /// Number of the partition's last folded event.
    number: watch::Sender<u64>,
    folding: Vec<(Generation, AbortOnDropHandle<()>)>,
    ready: Vec<Projector>,
    sender: mpsc::UnboundedSender<Projector>,
    receiver: mpsc::UnboundedReceiver<Projector>,
}

impl CatchUps {
    pub(crate) fn new(owned: &OwnedPartition) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self {
            partition: owned.position().partition,
            number: watch::Sender::new(owned.position().number),
            folding: Vec::new(),
            ready: Vec::new(),
            sender,
            receiver,
        }
    }

    /// Publishes the number of the partition's last folded event.
    pub(crate) fn set_number(&self, number: u64) {
        self.number.send_replace(number);
    }

    /// Folds these generations and no others. Generations that are level with the
    /// partition join it at once.
    pub(crate) async fn fold(
        &mut self,
        shared: &SharedResources,
        wanted: Vec<Generation>,
        owned: &mut OwnedPartition,
    ) -> Result<(), ProjectError> {
        self.folding
            .retain(|(generation, _)| wanted.contains(generation));
        self.ready
            .retain(|projector| wanted.contains(&generation_of(projector)));
        let is_new = |generation: &Generation| {
            self.folding.iter().all(|(known, _)| known != generation)
                && self
                    .ready
                    .iter()
                    .all(|ready| generation_of(ready) != *generation)
        };
        let new: Vec<Generation> = wanted.into_iter().filter(is_new).collect();
        let mut here = Vec::new();
        for generation in new {
            match resume(&shared.store, &shared.log, generation, self.partition).await {
                Ok(projector) => here.push(projector),
                Err(error) => self.start(shared, generation, Some(error)),
            }
        }
        for projector in owned.add(here).await? {
            self.start(shared, generation_of(&projector), None);
        }
        Ok(())
    }

    fn start(
        &mut self,
        shared: &SharedResources,
        generation: Generation,
        failed: Option<ProjectError>,
    ) {
        let catching_up = CatchUp {
            generation,
            partition: self.partition,
            store: shared.store.clone(),
            log: shared.log.clone(),
            turns: shared.turns_beside.clone(),
            number: self.number.subscribe(),
        };
        let sender = self.sender.clone();
        let task = tokio::spawn(async move {
            let projector = catching_up.run(failed).await;
            // The send fails if the partition was released meanwhile.
            let _gone = sender.send(projector);
        });
        self.folding
            .push((generation, AbortOnDropHandle::new(task)));
    }

    /// Waits until a generation is ready to join.
    pub(crate) async fn wait_ready(&mut self) {
        if let Some(projector) = self.receiver.recv().await {
            self.mark_ready(projector);
        }
    }

    fn mark_ready(&mut self, projector: Projector) {
        let generation = generation_of(&projector);
        let known = self
            .folding
            .iter()
            .position(|(known, _)| *known == generation);
        // A generation that is no longer wanted was removed from `folding`; its
        // projector is dropped.
        if let Some(index) = known {
            let (_, ended) = self.folding.swap_remove(index);
            drop(ended);
            self.ready.push(projector);
        }
    }

    /// Joins the generations that are ready. Returns how many events, at most `most`,
    /// the partition may fold next so as not to pass a generation that is ahead of it.
    pub(crate) async fn join_ready(
        &mut self,
        shared: &SharedResources,
        owned: &mut OwnedPartition,
        most: usize,
    ) -> Result<usize, ProjectError> {
        while let Ok(projector) = self.receiver.try_recv() {
            self.mark_ready(projector);
        }
        // A partition that keeps no generation has no position of its own: the first
        // one to join determines it.
        let here = owned.generations().next().map(|_| owned.position().number);
        let mut joining = Vec::new();
        for mut projector in std::mem::take(&mut self.ready) {
            let distance = here
                .unwrap_or_default()
                .saturating_sub(projector.position().number);
            if distance > NEAR {
                self.start(shared, generation_of(&projector), None);
                continue;
            }
            match fold_up_to(&mut projector, here.unwrap_or_default()).await {
                Ok(()) => joining.push(projector),
                Err(error) => self.start(shared, generation_of(&projector), Some(error)),
            }
        }
        if !joining.is_empty() {
            self.ready = owned.add(joining).await?;
        }
        let here = owned.position().number;
        let ahead = self.ready.iter().map(|ready| ready.position().number);
        let nearest = ahead.filter(|number| *number > here).min();
        let distance = nearest.map(|number| usize::try_from(number - here).unwrap_or(most));
        Ok(distance.map_or(most, |distance| distance.min(most)))
    }
}

async fn fold_up_to(projector: &mut Projector, number: u64) -> Result<(), ProjectError> {
    while projector.position().number < number {
        let left = number - projector.position().number;
        let count = usize::try_from(left).unwrap_or(BATCH).min(BATCH);
        if projector.step(count).await? == 0 {
            break; // The log has become shorter; the partition's own step reports that.
        }
    }
    Ok(())
}

/// Task that folds one generation until it is near its partition.
struct CatchUp {
    generation: Generation,
    partition: Partition,
    store: Store,
    log: Log,
    turns: Arc<Semaphore>,
    number: watch::Receiver<u64>,
}

impl CatchUp {
    async fn run(self, mut failed: Option<ProjectError>) -> Projector {
        let mut reported = String::new();
        loop {
            let has_failed = failed.is_some();
            if let Some(error) = failed {
                let text = error.to_string();
                if text != reported {
                    self.report(&error);
                    reported = text;
                }
                let pause = if error.is_stop() { LONG_PAUSE } else { PAUSE };
                tokio::time::sleep(pause).await;
            }
            match self.fold(has_failed).await {
                Ok(projector) => return projector,
                Err(error) => failed = Some(error),
            }
        }
    }

    fn report(&self, error: &ProjectError) {
        let Generation { view, number } = self.generation;
        let (view, partition) = (view.name(), self.partition);
        if error.is_stop() {
            tracing::error!(view, generation = number, partition, %error, "the view is stalled");
        } else {
            tracing::warn!(view, generation = number, partition, %error, "folding failed, trying again");
        }
    }

    /// Folds until the generation is near its partition. After a failure at least one
    /// step must succeed, so that a generation that cannot fold its next event is
    /// never declared ready.
    async fn fold(&self, has_failed: bool) -> Result<Projector, ProjectError> {
        let Self {
            generation,
            partition,
            store,
            log,
            ..
        } = self;
        let mut projector = resume(store, log, *generation, *partition).await?;
        let is_near =
            |projector: &Projector| projector.position().number + NEAR >= *self.number.borrow();
        let mut must_fold = has_failed;
        while must_fold || !is_near(&projector) {
            must_fold = false;
            let turn = self.turns.acquire().await;
            let count = with_timeout(projector.step(BATCH)).await?;
            drop(turn);
            if count == 0 {
                break;
            }
        }
        Ok(projector)
    }
}

async fn resume(
    store: &Store,
    log: &Log,
    generation: Generation,
    partition: Partition,
) -> Result<Projector, ProjectError> {
    let Generation { view, number } = generation;
    Projector::resume(store, log, view, number, partition, Mode::Live).await
}

fn generation_of(projector: &Projector) -> Generation {
    Generation {
        view: projector.view(),
        number: projector.generation(),
    }
}

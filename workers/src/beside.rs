//! Generations that are folded beside their partition until they can join it.

use std::sync::Arc;
use std::time::Duration;

use eventlog::{Log, Partition};
use projections::{Generation, Mode, OwnedPartition, ProjectError, Projector, Store};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use crate::owner::within;
use crate::shared::Shared;

/// Events folded in one go.
const BATCH: usize = 8_000;

/// How far behind its partition a generation may be and still count as ready:
/// the partition waits while the rest is folded.
const NEAR: u64 = 1_000;

/// How long to wait when an engine is away.
const PAUSE: Duration = Duration::from_millis(500);

/// How long to wait when only a person can help.
const LONG_PAUSE: Duration = Duration::from_secs(5);

/// The generations beside one partition.
pub(crate) struct Beside {
    partition: Partition,
    /// How far the partition is.
    number: watch::Sender<u64>,
    folding: Vec<(Generation, AbortOnDropHandle<()>)>,
    ready: Vec<Projector>,
    sender: mpsc::UnboundedSender<Projector>,
    receiver: mpsc::UnboundedReceiver<Projector>,
}

impl Beside {
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

    /// Says how far the partition is.
    pub(crate) fn moved(&self, number: u64) {
        self.number.send_replace(number);
    }

    /// Folds these generations and no others. Those that are as far as the
    /// partition join it.
    pub(crate) async fn fold(
        &mut self,
        shared: &Shared,
        wanted: Vec<Generation>,
        owned: &mut OwnedPartition,
    ) -> Result<(), ProjectError> {
        self.folding
            .retain(|(generation, _)| wanted.contains(generation));
        self.ready
            .retain(|projector| wanted.contains(&of(projector)));
        let is_new = |generation: &Generation| {
            self.folding.iter().all(|(known, _)| known != generation)
                && self.ready.iter().all(|ready| of(ready) != *generation)
        };
        let new: Vec<Generation> = wanted.into_iter().filter(is_new).collect();
        let mut here = Vec::new();
        for generation in new {
            match resume(&shared.store, &shared.log, generation, self.partition).await {
                Ok(projector) => here.push(projector),
                Err(error) => self.start(shared, generation, Some(error)),
            }
        }
        for projector in owned.join(here).await? {
            self.start(shared, of(&projector), None);
        }
        Ok(())
    }

    fn start(&mut self, shared: &Shared, generation: Generation, failed: Option<ProjectError>) {
        let catching_up = CatchingUp {
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
            // The partition may have been given up meanwhile.
            let _gone = sender.send(projector);
        });
        self.folding
            .push((generation, AbortOnDropHandle::new(task)));
    }

    /// Returns once a generation is ready to join.
    pub(crate) async fn is_ready(&mut self) {
        if let Some(projector) = self.receiver.recv().await {
            self.take(projector);
        }
    }

    fn take(&mut self, projector: Projector) {
        let generation = of(&projector);
        let known = self
            .folding
            .iter()
            .position(|(known, _)| *known == generation);
        // One that is not wanted any more is not known.
        if let Some(index) = known {
            let (_, ended) = self.folding.swap_remove(index);
            drop(ended);
            self.ready.push(projector);
        }
    }

    /// Lets generations join that are ready. Returns how many events, of `most`,
    /// the partition may fold next to meet one that is ahead of it.
    pub(crate) async fn join_ready(
        &mut self,
        shared: &Shared,
        owned: &mut OwnedPartition,
        most: usize,
    ) -> Result<usize, ProjectError> {
        while let Ok(projector) = self.receiver.try_recv() {
            self.take(projector);
        }
        // Where the first of them is, the partition is then.
        let here = owned.generations().next().map(|_| owned.position().number);
        let mut joining = Vec::new();
        for mut projector in std::mem::take(&mut self.ready) {
            let distance = here
                .unwrap_or_default()
                .saturating_sub(projector.position().number);
            if distance > NEAR {
                self.start(shared, of(&projector), None);
                continue;
            }
            match fold_up_to(&mut projector, here.unwrap_or_default()).await {
                Ok(()) => joining.push(projector),
                Err(error) => self.start(shared, of(&projector), Some(error)),
            }
        }
        if !joining.is_empty() {
            self.ready = owned.join(joining).await?;
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
            break; // The log has become shorter, which the partition will notice.
        }
    }
    Ok(())
}

/// Folds a generation until it is about as far as its partition.
struct CatchingUp {
    generation: Generation,
    partition: Partition,
    store: Store,
    log: Log,
    turns: Arc<Semaphore>,
    number: watch::Receiver<u64>,
}

impl CatchingUp {
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
            tracing::error!(view, generation = number, partition, %error, "the view stands still");
        } else {
            tracing::warn!(view, generation = number, partition, %error, "folding failed, trying again");
        }
    }

    /// One that has failed must get over that before it is as far.
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
            let count = within(projector.step(BATCH)).await?;
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

fn of(projector: &Projector) -> Generation {
    Generation {
        view: projector.view(),
        number: projector.generation(),
    }
}

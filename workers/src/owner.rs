//! Folding a partition: everything that follows the log, in one pass.

use std::time::Duration;

use eventlog::Partition;
use projections::{Generation, OwnedPartition, ProjectError};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::beside::Beside;
use crate::pointers::Wanted;
use crate::shared::Shared;

/// The most events folded in one go.
const BATCH: usize = 8_000;

/// How long to wait when an engine is away.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a single operation may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// Folds events as they come until told to stop, or until another process has
/// taken the partition.
pub(crate) async fn run(shared: &Shared, partition: Partition, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        match keep(shared, partition, stop).await {
            Ok(()) => return,
            Err(ProjectError::Fenced(_)) => {
                tracing::warn!(partition, "another process has taken it");
                stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
                return;
            }
            Err(error) => {
                tracing::warn!(partition, %error, "folding failed, trying again");
            }
        }
        stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
    }
}

async fn keep(
    shared: &Shared,
    partition: Partition,
    stop: &CancellationToken,
) -> Result<(), ProjectError> {
    let Some(mut end) = shared.tails.of(partition) else {
        return Ok(());
    };
    let mut wanted = shared.pointers.subscribe();
    let taking = OwnedPartition::take(&shared.store, &shared.log, partition, &shared.worker);
    let Some(taken) = stop.run_until_cancelled(within(taking)).await else {
        return Ok(());
    };
    let (mut owned, lost) = taken?;
    report(lost);
    let mut beside = Beside::new(&owned);
    while !stop.is_cancelled() {
        within(adjust(shared, &mut owned, &mut beside, &mut wanted)).await?;
        let count = within(beside.join_ready(shared, &mut owned, BATCH)).await?;
        let Some(turn) = stop.run_until_cancelled(shared.turns.acquire()).await else {
            break;
        };
        let step = within(owned.step(count)).await?;
        drop(turn);
        report(step.left);
        let here = owned.position();
        beside.moved(here.number);
        if step.events > 0 {
            let folded = shared.store.folded();
            folded.note(here, step.topics);
            let (folded, log) = (folded.clone(), shared.log.clone());
            // Nobody here waits for it.
            tokio::spawn(async move { folded.publish(&log, here, step.topics).await });
            continue;
        }
        let is_empty = owned.generations().next().is_none();
        tokio::select! {
            () = stop.cancelled() => {}
            Ok(()) = wanted.changed() => {}
            () = beside.is_ready() => {}
            Ok(()) = moved(&mut end, here.number), if !is_empty => {}
        }
    }
    Ok(())
}

/// Keeps what is wanted, and only that.
async fn adjust(
    shared: &Shared,
    owned: &mut OwnedPartition,
    beside: &mut Beside,
    wanted: &mut watch::Receiver<Wanted>,
) -> Result<(), ProjectError> {
    let Some(wanted) = wanted.borrow_and_update().clone() else {
        return Ok(());
    };
    report(owned.check(&wanted.collections).await?);
    let wanted = &wanted.generations;
    let unwanted: Vec<Generation> = owned
        .generations()
        .filter(|generation| !wanted.contains(generation))
        .collect();
    for generation in unwanted {
        owned.leave(generation, None).await?;
    }
    let missing = wanted.iter().copied();
    let missing = missing.filter(|wanted| !owned.keeps(*wanted)).collect();
    beside.fold(shared, missing, owned).await
}

fn report(left: Vec<(Generation, ProjectError)>) {
    for (generation, error) in left {
        let Generation { view, number } = generation;
        tracing::error!(view = view.name(), generation = number, %error, "the view stands still");
    }
}

/// Gives up what takes too long. Its outcome is unknown then.
pub(crate) async fn within<T>(
    work: impl Future<Output = Result<T, ProjectError>>,
) -> Result<T, ProjectError> {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| {
        let what = format!("no end of it within {} s", PATIENCE.as_secs());
        let error = std::io::Error::new(std::io::ErrorKind::TimedOut, what);
        Err(ProjectError::Mongo(error.into()))
    })
}

/// Returns once the partition's end is elsewhere; an error if it is not followed
/// any more.
async fn moved(end: &mut watch::Receiver<u64>, here: u64) -> Result<(), watch::error::RecvError> {
    end.wait_for(|end| has_moved(*end, here)).await.map(drop)
}

/// Whether the log has more than was folded, or less: then it was rolled back.
/// An end of 0 is one not known yet.
fn has_moved(end: u64, here: u64) -> bool {
    end != here && end != 0
}

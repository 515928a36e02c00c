//! Folding of one partition: a single pass over the log feeds all views.

use std::time::Duration;

use eventlog::Partition;
use projections::{Generation, OwnedPartition, ProjectError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::catch_up::CatchUps;
use crate::pointers::Wanted;
use crate::shared::SharedResources;
use crate::time_limit::with_timeout;

/// Largest number of events folded in one step.
const BATCH: usize = 8_000;

/// Delay after a failure.
const PAUSE: Duration = Duration::from_millis(500);

/// Folds events as they arrive until `stop` is cancelled, or until another process
/// has taken the partition.
pub(crate) async fn run(shared: &SharedResources, partition: Partition, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        match fold_partition(shared, partition, stop).await {
            Ok(()) => return,
            Err(ProjectError::Fenced(_)) => {
                tracing::warn!(partition, "another process has taken the partition");
                // Returning releases the claim, and the division may claim the
                // partition again at once. The pause keeps two processes that both act
                // as its owner from taking it from each other in a loop.
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

async fn fold_partition(
    shared: &SharedResources,
    partition: Partition,
    stop: &CancellationToken,
) -> Result<(), ProjectError> {
    let Some(mut end) = shared.tails.of(partition) else {
        return Ok(());
    };
    let mut wanted = shared.pointers.subscribe();
    // Fencing: this writes the process's name and a new owner epoch into the
    // partition's checkpoint. A previous owner that still runs fails with `Fenced` at
    // its next write of the checkpoint.
    let acquiring = OwnedPartition::acquire(&shared.store, &shared.log, partition, &shared.worker);
    let Some(acquired) = stop.run_until_cancelled(with_timeout(acquiring)).await else {
        return Ok(());
    };
    let (mut owned, lost) = acquired?;
    report(lost);
    let mut catch_ups = CatchUps::new(&owned);
    while !stop.is_cancelled() {
        with_timeout(adjust(shared, &mut owned, &mut catch_ups, &mut wanted)).await?;
        let count = with_timeout(catch_ups.join_ready(shared, &mut owned, BATCH)).await?;
        let Some(turn) = stop.run_until_cancelled(shared.turns.acquire()).await else {
            break;
        };
        let step = with_timeout(owned.step(count)).await?;
        drop(turn);
        report(step.removed);
        let here = owned.position();
        catch_ups.set_number(here.number);
        if step.events > 0 {
            let folded = shared.store.folded();
            folded.note(here, step.topics);
            let (folded, log) = (folded.clone(), shared.log.clone());
            // Published in the background: the notice only speeds up readers, which
            // find the new position by polling otherwise.
            tokio::spawn(async move { folded.publish(&log, here, step.topics).await });
            continue;
        }
        // A partition that keeps no generation cannot advance, so growth of its
        // stream must not wake it in a busy loop.
        let is_empty = owned.generations().next().is_none();
        tokio::select! {
            () = stop.cancelled() => {}
            Ok(()) = wanted.changed() => {}
            () = catch_ups.wait_ready() => {}
            Ok(()) = end_moved(&mut end, here.number), if !is_empty => {}
        }
    }
    Ok(())
}

/// Makes the partition keep exactly the wanted generations.
async fn adjust(
    shared: &SharedResources,
    owned: &mut OwnedPartition,
    catch_ups: &mut CatchUps,
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
        owned.remove(generation, None).await?;
    }
    let missing = wanted.iter().copied();
    let missing = missing.filter(|wanted| !owned.contains(*wanted)).collect();
    catch_ups.fold(shared, missing, owned).await
}

fn report(left: Vec<(Generation, ProjectError)>) {
    for (generation, error) in left {
        let Generation { view, number } = generation;
        tracing::error!(view = view.name(), generation = number, %error, "the view is stalled");
    }
}

/// Waits until the end of the partition's stream differs from `here`.
///
/// # Errors
/// If the end of the partition is no longer followed.
async fn end_moved(
    end: &mut watch::Receiver<u64>,
    here: u64,
) -> Result<(), watch::error::RecvError> {
    // A smaller end counts too: the log was rolled back, which the next step must
    // detect. 0 means that the end is not known yet.
    let has_moved = |end: &u64| *end != here && *end != 0;
    end.wait_for(has_moved).await.map(drop)
}

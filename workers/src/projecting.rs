//! Keeping one partition's share of a view.

use std::collections::HashMap;
use std::time::Duration;

use eventlog::Partition;
use projections::{AnyView, Mode, ProjectError, Projector};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::unit::Shared;

/// Events folded in one go.
const BATCH: usize = 2_000;

/// How long events gather after some were folded: what comes to a view at rest
/// is folded at once, what comes again and again is folded many at a time.
const GATHERING: Duration = Duration::from_millis(100);

/// How long to wait when an engine is away.
const PAUSE: Duration = Duration::from_millis(500);

/// How long to wait when only a person can help.
const LONG_PAUSE: Duration = Duration::from_secs(5);

type Active = watch::Receiver<HashMap<&'static str, i32>>;

/// Folds events as they come, of whichever generation serves.
pub(crate) async fn run(
    shared: &Shared,
    view: &'static dyn AnyView,
    partition: Partition,
    stop: &CancellationToken,
) {
    let mut active = shared.generations.subscribe();
    while !stop.is_cancelled() {
        let Some(generation) = generation(&mut active, view.name(), stop).await else {
            return;
        };
        let keeping = keep(shared, view, generation, partition, &mut active, stop);
        let Err(error) = keeping.await else {
            continue;
        };
        let pause = if error.is_stop() {
            tracing::error!(view = view.name(), partition, %error, "the view stands still");
            LONG_PAUSE
        } else {
            tracing::warn!(view = view.name(), partition, %error, "folding failed, trying again");
            PAUSE
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
            // Another generation may have none of the trouble.
            Ok(()) = active.changed() => {}
        }
    }
}

/// The generation that serves, once that is known; `None` at the stop.
async fn generation(active: &mut Active, view: &str, stop: &CancellationToken) -> Option<i32> {
    loop {
        if let Some(generation) = active.borrow_and_update().get(view) {
            return Some(*generation);
        }
        stop.run_until_cancelled(active.changed()).await?.ok()?;
    }
}

/// Keeps one generation until another serves, or until told to stop.
async fn keep(
    shared: &Shared,
    view: &'static dyn AnyView,
    generation: i32,
    partition: Partition,
    active: &mut Active,
    stop: &CancellationToken,
) -> Result<(), ProjectError> {
    let Shared { log, store, .. } = shared;
    let projector = Projector::resume(store, log, view, generation, partition, Mode::Live);
    let mut projector = projector.await?.together(shared.recent.clone());
    let Some(mut end) = shared.tails.of(partition) else {
        return Ok(());
    };
    while !stop.is_cancelled() {
        if active.borrow_and_update().get(view.name()) != Some(&generation) {
            return Ok(());
        }
        match projector.step(BATCH).await? {
            0 => {}
            BATCH => continue,
            _ => gather(stop).await,
        }
        let here = projector.position().number;
        tokio::select! {
            () = stop.cancelled() => {}
            _ = active.changed() => {}
            _ = end.wait_for(|end| has_moved(*end, here)) => {}
        }
    }
    Ok(())
}

async fn gather(stop: &CancellationToken) {
    let gathering = tokio::time::sleep(GATHERING);
    stop.run_until_cancelled(gathering).await;
}

/// Whether the log has more than was folded, or less: then it was rolled back.
/// An end of 0 is one not known yet.
fn has_moved(end: u64, here: u64) -> bool {
    end != here && end != 0
}

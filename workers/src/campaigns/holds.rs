//! Releases segments that are held for campaigns that no longer need them.
//!
//! The hold on a segment and the campaign are two aggregates, so they cannot change in
//! one append. A scheduled campaign is created after its segment is held, and releases
//! the segment after it ends. If either is interrupted in between, the hold is left
//! behind and this task removes it.

use std::time::Duration;

use projections::Topics;
use tokio_util::sync::CancellationToken;

use super::context::context;
use super::error::WorkError;
use crate::periodic::{NextRun, Periodic, PeriodicTask};
use crate::shared::SharedResources;

/// Actor of the recorded events.
const ACTOR: &str = "worker:schedule";

/// Interval between checks of held segments.
const LOOK: Duration = Duration::from_secs(15);

const TASK: Periodic = Periodic {
    name: "release idle holds",
    topics: Topics::NONE,
    after_failure: LOOK,
};

/// Releases idle holds until stopped.
pub(crate) async fn run(shared: &SharedResources, stop: &CancellationToken) {
    TASK.run(shared, stop, IdleHolds).await;
}

struct IdleHolds;

impl PeriodicTask for IdleHolds {
    type Error = WorkError;

    async fn run(&mut self, shared: &SharedResources) -> Result<NextRun, WorkError> {
        for segment in shared.store.held_segments().await? {
            let context = context(ACTOR, None);
            let released = shared.commands.release_idle_holds(&context, &segment);
            // A failure with one segment does not hold back the others.
            if let Err(error) = released.await {
                tracing::warn!(%segment, %error, "cannot check the segment's holds, trying again");
            }
        }
        Ok(NextRun::within(LOOK))
    }
}

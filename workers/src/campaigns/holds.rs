//! Releases segments that are held by campaigns which do not need them.
//!
//! A campaign that is created with a schedule holds its segment first. If its
//! creation is cut short, or its end before the release, the hold is left behind.

use std::time::Duration;

use projections::Topics;
use tokio_util::sync::CancellationToken;

use super::{WorkError, context};
use crate::periodic::{Periodic, Rest, Task};
use crate::shared::Shared;

/// On whose behalf.
const ACTOR: &str = "worker:schedule";

/// How often held segments are looked for.
const LOOK: Duration = Duration::from_secs(15);

const TASK: Periodic = Periodic {
    name: "release idle holds",
    topics: Topics::NONE,
    after_failure: LOOK,
};

/// Releases holds that are left behind, until stopped.
pub(crate) async fn run(shared: &Shared, stop: &CancellationToken) {
    TASK.run(shared, stop, IdleHolds).await;
}

struct IdleHolds;

impl Task for IdleHolds {
    type Error = WorkError;

    async fn run(&mut self, shared: &Shared) -> Result<Rest, WorkError> {
        for segment in shared.store.held_segments().await? {
            let context = context(ACTOR, None);
            let released = shared.commands.release_idle_holds(&context, &segment);
            // Others go on.
            if let Err(error) = released.await {
                tracing::warn!(%segment, %error, "its holds cannot be checked, trying again");
            }
        }
        Ok(Rest::at_most(LOOK))
    }
}

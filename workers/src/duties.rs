//! Periodic tasks that run once per deployment, on the owner of the first partition.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use futures::join;
use projections::{ProjectError, QueryError, Topics, sweep, switch_joined};
use tokio_util::sync::CancellationToken;

use crate::periodic::{NextRun, Periodic, PeriodicTask, tidy};
use crate::shared::SharedResources;
use crate::{audiences, campaigns, merging, rebuilding};

/// Longest time until reads switch to a complete generation. A generation is complete
/// once every partition's checkpoint vouches for it.
const SWITCH: Duration = Duration::from_secs(5);

/// Interval between removals of data that is no longer needed.
const TIDY: Duration = Duration::from_secs(10 * 60);

/// Delay before all tasks restart after a panic.
const AFTER_PANIC: Duration = Duration::from_secs(5);

const SWITCHING: Periodic = Periodic {
    name: "switch to rebuilt generations",
    topics: Topics::VIEWS,
    after_failure: SWITCH,
};

const TIDYING: Periodic = Periodic {
    name: "remove leftovers",
    topics: Topics::NONE,
    after_failure: TIDY,
};

/// Runs all tasks until `stop` is cancelled, and restarts them after a panic.
pub(crate) async fn supervise(shared: &SharedResources, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        let running = AssertUnwindSafe(run(shared, stop)).catch_unwind();
        if running.await.is_err() {
            tracing::error!("a periodic task panicked; all of them restart");
            stop.run_until_cancelled(tokio::time::sleep(AFTER_PANIC))
                .await;
        }
    }
}

async fn run(shared: &SharedResources, stop: &CancellationToken) {
    join!(
        rebuilding::run(shared, stop),
        audiences::run(shared, stop),
        campaigns::run(shared, stop),
        merging::run(shared, stop),
        SWITCHING.run(shared, stop, Switching),
        TIDYING.run(shared, stop, Tidying),
    );
}

struct Switching;

impl PeriodicTask for Switching {
    type Error = ProjectError;

    async fn run(&mut self, shared: &SharedResources) -> Result<NextRun, ProjectError> {
        switch_joined(&shared.store, &shared.log).await?;
        Ok(NextRun::within(SWITCH))
    }
}

struct Tidying;

impl PeriodicTask for Tidying {
    type Error = QueryError;

    async fn run(&mut self, shared: &SharedResources) -> Result<NextRun, QueryError> {
        tidy(shared).await?;
        sweep(&shared.store).await?;
        Ok(NextRun::within(TIDY))
    }
}

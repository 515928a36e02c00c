//! What there is to do once in a deployment.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join5;
use projections::{ProjectError, QueryError, Topics, sweep, switch_joined};
use tokio_util::sync::CancellationToken;

use crate::periodic::{Periodic, Rest, Task, tidy};
use crate::shared::Shared;
use crate::{audiences, campaigns, rebuilding};

/// How soon a generation serves for which all partitions vouch.
const SWITCH: Duration = Duration::from_secs(5);

/// How often what nobody needs any more is removed.
const TIDY: Duration = Duration::from_secs(10 * 60);

/// How long to rest after a panic.
const AFTER_PANIC: Duration = Duration::from_secs(5);

const SWITCHING: Periodic = Periodic {
    name: "let generations serve",
    topics: Topics::VIEWS,
    after_failure: SWITCH,
};

const TIDYING: Periodic = Periodic {
    name: "remove what is left over",
    topics: Topics::NONE,
    after_failure: TIDY,
};

/// Does all of it until told to stop, whatever panics.
pub(crate) async fn keep(shared: &Shared, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        let running = AssertUnwindSafe(run(shared, stop)).catch_unwind();
        if running.await.is_err() {
            tracing::error!("a periodic task panicked: all of them begin again");
            stop.run_until_cancelled(tokio::time::sleep(AFTER_PANIC))
                .await;
        }
    }
}

async fn run(shared: &Shared, stop: &CancellationToken) {
    join5(
        rebuilding::run(shared, stop),
        audiences::run(shared, stop),
        campaigns::run(shared, stop),
        SWITCHING.run(shared, stop, Switching),
        TIDYING.run(shared, stop, Tidying),
    )
    .await;
}

struct Switching;

impl Task for Switching {
    type Error = ProjectError;

    async fn run(&mut self, shared: &Shared) -> Result<Rest, ProjectError> {
        switch_joined(&shared.store, &shared.log).await?;
        Ok(Rest::at_most(SWITCH))
    }
}

struct Tidying;

impl Task for Tidying {
    type Error = QueryError;

    async fn run(&mut self, shared: &Shared) -> Result<Rest, QueryError> {
        tidy(shared).await?;
        sweep(&shared.store).await?;
        Ok(Rest::at_most(TIDY))
    }
}

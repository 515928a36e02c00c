//! What there is to do once in a deployment.

use std::time::Duration;

use futures::future::{join_all, join3, join4};
use projections::{Topics, VIEWS, switch_joined};
use tokio_util::sync::CancellationToken;

use crate::shared::Shared;
use crate::{audiences, campaigns, rebuilding};

/// How soon a generation serves for which all partitions vouch, if nothing
/// tells of that.
const LOOK: Duration = Duration::from_secs(5);

/// Does all of it until told to stop.
pub(crate) async fn run(shared: &Shared, stop: &CancellationToken) {
    let rebuilding = VIEWS.map(|view| rebuilding::run(shared, view, stop));
    let campaigns = join3(
        campaigns::resolve(shared, stop),
        campaigns::schedule(shared, stop),
        campaigns::settle(shared, stop),
    );
    join4(
        join_all(rebuilding),
        audiences::run(shared, stop),
        campaigns,
        switch(shared, stop),
    )
    .await;
}

/// Lets generations serve for which all partitions vouch.
async fn switch(shared: &Shared, stop: &CancellationToken) {
    let mut watcher = shared.store.folded().watch(Topics::VIEWS);
    while !stop.is_cancelled() {
        if let Err(error) = switch_joined(&shared.store, &shared.log).await {
            tracing::warn!(%error, "cannot tell which generations have joined, trying again");
        }
        stop.run_until_cancelled(watcher.changed(LOOK)).await;
    }
}

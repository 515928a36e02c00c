//! Freshness of reads: `?after=` waits for exact positions, and every read waits
//! for the latest writes of its own credential.

use std::time::Duration;

use projections::View;
use tokio::time::Instant;

use crate::http::problem::{Problem, ProblemKind};
use crate::resources::shared::consistency::Freshness;
use crate::state::AppContext;

/// Maximum time that a read waits for the positions of `after`.
const AFTER_TIMEOUT: Duration = Duration::from_secs(5);

/// Waits until the view has all positions of `after`, if any are given, and then
/// for the writes of the same credential.
///
/// # Errors
/// 503 if the view does not reach `after` in time, 400 for a partition that does
/// not exist.
pub(crate) async fn wait<V: View>(
    app: &AppContext,
    freshness: Freshness<'_>,
) -> Result<(), Problem> {
    wait_for(app, V::NAME, freshness).await
}

/// Waits like [`wait`], for the view of this name.
///
/// # Errors
/// The same as [`wait`].
pub(crate) async fn wait_for(
    app: &AppContext,
    view: &'static str,
    freshness: Freshness<'_>,
) -> Result<(), Problem> {
    let since = Instant::now();
    if let Some(after) = freshness.after {
        let positions = after.positions();
        let partitions = app.commands.log().layout().partitions();
        if let Some(position) = positions.iter().find(|p| p.partition >= partitions) {
            let detail =
                format!("query: after: the log has {partitions} partitions, not {position}");
            return Err(Problem::new(ProblemKind::InvalidParameter, detail));
        }
        let waiting = app.store.wait_for(view, positions, AFTER_TIMEOUT);
        waiting.await?;
    }
    freshness.consistency.follow(app, view, since).await
}

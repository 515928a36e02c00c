//! Freshness of reads: `?after=` waits for exact positions, and every read waits
//! for the latest writes of its own credential.

use std::time::Duration;

use eventlog::Positions;
use futures::future::try_join_all;
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
/// 503 if the view does not reach `after` in time or too many reads wait, 400 for a
/// position that does not exist.
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
            let detail = format!("the log has {partitions} partitions, not {position}");
            return Err(invalid(&detail));
        }
        if !app.store.has_reached(view, positions).await? {
            check_existence(app, positions).await?;
            let _place = app.waiting_reads.place(freshness.consistency.actor())?;
            let waiting = app.store.wait_for(view, positions, AFTER_TIMEOUT);
            waiting.await?;
        }
    }
    freshness.consistency.follow(app, view, since).await
}

/// Rejects positions beyond the end of the log: no view will reach them in time.
async fn check_existence(app: &AppContext, positions: &Positions) -> Result<(), Problem> {
    let log = app.commands.log();
    let ends = positions
        .iter()
        .map(|position| log.last(position.partition));
    let ends = try_join_all(ends).await?;
    let mut with_ends = positions.iter().zip(ends);
    match with_ends.find(|(position, end)| end.number < position.number) {
        Some((position, end)) => Err(invalid(&format!(
            "the log ends at {end}, before {position}"
        ))),
        None => Ok(()),
    }
}

fn invalid(detail: &str) -> Problem {
    let detail = format!("query: after: {detail}");
    Problem::new(ProblemKind::InvalidParameter, detail)
}

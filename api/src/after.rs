//! Freshness of reads: `?after=` waits for exact positions, and every read waits
//! for the latest writes of its own credential.

use std::time::Duration;

use eventlog::Positions;
use projections::View;
use serde::{Deserialize, Deserializer, de};
use tokio::time::Instant;
use utoipa::IntoParams;

use crate::consistency::Consistency;
use crate::problem::{Problem, ProblemKind};
use crate::schema;
use crate::state::Shared;

/// Maximum time that a read waits for the positions of `after`.
const AFTER_TIMEOUT: Duration = Duration::from_secs(5);

/// Positions as `Patron-Position` returns them: `3:1842,7:12`.
#[derive(Debug)]
pub(crate) struct After(Positions);

impl<'de> Deserialize<'de> for After {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(de::Error::custom)
    }
}

/// Parameters of a read that uses no view. Such a read always includes earlier
/// writes.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Satisfied {
    /// Accepted as on every read, without effect: this read includes all earlier
    /// writes.
    #[param(inline, value_type = Option<schema::Positions>)]
    after: Option<After>,
}

impl Satisfied {
    /// Returns the positions that the read must include.
    pub(crate) fn positions(self) -> Positions {
        self.after
            .map(|After(positions)| positions)
            .unwrap_or_default()
    }
}

/// Parameters of a read that has only `after`.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AfterParam {
    /// Waits until the view has these positions.
    #[param(inline, value_type = Option<schema::Positions>)]
    after: Option<After>,
}

impl AfterParam {
    pub(crate) fn after(&self) -> Option<&After> {
        self.after.as_ref()
    }

    /// Returns the positions that a read without a view must include.
    pub(crate) fn positions(self) -> Positions {
        self.after
            .map(|After(positions)| positions)
            .unwrap_or_default()
    }
}

/// Writes that a read must include.
#[derive(Clone, Copy)]
pub(crate) struct Freshness<'a> {
    /// Positions that the view must reach. Otherwise the read fails.
    pub(crate) after: Option<&'a After>,
    /// Writes of the same credential. If the view lacks some of them, the response
    /// says so in a header.
    pub(crate) consistency: &'a Consistency,
}

/// Waits until the view has all positions of `after`, if any are given, and then
/// for the writes of the same credential.
///
/// # Errors
/// 503 if the view does not reach `after` in time, 400 for a partition that does
/// not exist.
pub(crate) async fn wait<V: View>(app: &Shared, freshness: Freshness<'_>) -> Result<(), Problem> {
    wait_for(app, V::NAME, freshness).await
}

/// Waits like [`wait`], for the view of this name.
///
/// # Errors
/// The same as [`wait`].
pub(crate) async fn wait_for(
    app: &Shared,
    view: &'static str,
    freshness: Freshness<'_>,
) -> Result<(), Problem> {
    let since = Instant::now();
    if let Some(after) = freshness.after {
        wait_exactly(app, view, after).await?;
    }
    freshness.consistency.follow(app, view, since).await
}

async fn wait_exactly(
    app: &Shared,
    view: &'static str,
    After(positions): &After,
) -> Result<(), Problem> {
    let partitions = app.commands.log().layout().partitions();
    if let Some(position) = positions.iter().find(|p| p.partition >= partitions) {
        let detail = format!("query: after: the log has {partitions} partitions, not {position}");
        return Err(Problem::new(ProblemKind::InvalidParameter, detail));
    }
    Ok(app.store.wait_for(view, positions, AFTER_TIMEOUT).await?)
}

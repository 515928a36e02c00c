//! How fresh a read is: `?after=` waits for exact positions, and every read
//! follows the writes of its own credential.

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

/// How long a read waits for the positions of `after`.
const PATIENCE: Duration = Duration::from_secs(5);

/// Positions as `Patron-Position` gave them: `3:1842,7:12`.
#[derive(Debug)]
pub(crate) struct After(Positions);

impl<'de> Deserialize<'de> for After {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(de::Error::custom)
    }
}

/// The parameters of a read that asks no view: what was written before it is
/// already there.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Satisfied {
    /// Taken as on every read; there is nothing to wait for.
    #[param(inline, value_type = Option<schema::Positions>)]
    after: Option<After>,
}

impl Satisfied {
    /// The positions that the read has to include.
    pub(crate) fn positions(self) -> Positions {
        self.after
            .map(|After(positions)| positions)
            .unwrap_or_default()
    }
}

/// The parameters of a read that has no others.
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

    /// The positions that a read without a view has to include.
    pub(crate) fn positions(self) -> Positions {
        self.after
            .map(|After(positions)| positions)
            .unwrap_or_default()
    }
}

/// The writes that a read must see.
#[derive(Clone, Copy)]
pub(crate) struct Freshness<'a> {
    /// The read fails if the view does not reach these positions.
    pub(crate) after: Option<&'a After>,
    /// The response says so if the view lacks writes of its own credential.
    pub(crate) consistency: &'a Consistency,
}

/// Waits until the view has all positions of `after`, if any are given, and then
/// for the writes of the same credential.
///
/// # Errors
/// 503 if it does not get to `after` in time, 400 for a partition that is not.
pub(crate) async fn wait<V: View>(app: &Shared, freshness: Freshness<'_>) -> Result<(), Problem> {
    wait_for(app, V::NAME, freshness).await
}

/// As [`wait`], for the view of this name.
///
/// # Errors
/// As [`wait`].
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
    Ok(app.store.wait_for(view, positions, PATIENCE).await?)
}

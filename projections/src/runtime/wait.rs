//! Read your own writes: a wait until a view has reached positions.

use std::time::Duration;

use eventlog::{Position, Positions};
use tokio::time::Instant;

use crate::runtime::store::Store;

/// Interval at which a waiting read polls the checkpoint, since notices can be
/// lost.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Shortest pause between two polls after notices.
const MIN_PAUSE: Duration = Duration::from_millis(5);

/// Reason why a view has not reached the positions.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// MongoDB did not answer.
    #[error("MongoDB: {0}")]
    Mongo(#[from] mongodb::error::Error),
    /// The time limit has passed.
    #[error("{view} has not reached {position} within {} ms", .waited.as_millis())]
    Behind {
        /// Name of the view.
        view: &'static str,
        /// First position that the view has not reached.
        position: Position,
        /// Time waited.
        waited: Duration,
    },
}

impl Store {
    /// Waits until the serving generation of a view has folded all of
    /// `positions`.
    ///
    /// # Errors
    /// [`WaitError::Behind`] after `timeout`.
    pub async fn wait_for(
        &self,
        view: &'static str,
        positions: &Positions,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        let start = Instant::now();
        let mut pause = Duration::ZERO;
        loop {
            let generation = self.generations().active(view).await?;
            let missing = self.missing_of(view, generation, positions).await?;
            let Some(position) = missing else {
                return Ok(());
            };
            let waited = start.elapsed();
            if waited >= timeout {
                return Err(WaitError::Behind {
                    view,
                    position,
                    waited,
                });
            }
            let left = timeout - waited;
            // A notice may be about another generation or another log, so the
            // loop must not spin on notices.
            let soonest = Instant::now() + pause.min(left);
            self.folded()
                .reach(positions, left.min(POLL_INTERVAL))
                .await;
            tokio::time::sleep_until(soonest).await;
            pause = (pause * 2).clamp(MIN_PAUSE, POLL_INTERVAL);
        }
    }

    /// Returns whether the serving generation of a view has folded all of `positions`.
    ///
    /// # Errors
    /// An error of MongoDB.
    pub async fn has_reached(
        &self,
        view: &'static str,
        positions: &Positions,
    ) -> Result<bool, WaitError> {
        let generation = self.generations().active(view).await?;
        let missing = self.missing_of(view, generation, positions).await?;
        Ok(missing.is_none())
    }

    /// Returns the first of the positions that this generation has not reached.
    pub(crate) async fn missing_of(
        &self,
        view: &'static str,
        generation: i32,
        positions: &Positions,
    ) -> Result<Option<Position>, mongodb::error::Error> {
        let reached = self.reached_by(view, generation).await?;
        let is_there = |wanted: &Position| {
            wanted.number == 0
                || reached
                    .iter()
                    .any(|r| r.partition == wanted.partition && r.number >= wanted.number)
        };
        Ok(positions.iter().find(|wanted| !is_there(wanted)))
    }
}

//! Reading one's own writes: waiting until a view has seen positions.

use std::time::Duration;

use eventlog::{Position, Positions};
use tokio::time::Instant;

use crate::Store;

/// How often a waiting read checks for itself: notices can be lost.
const LOOK: Duration = Duration::from_millis(100);

/// How soon a waiting read checks again after a notice.
const SHORTEST: Duration = Duration::from_millis(5);

/// Why a view is not as far as asked.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// MongoDB does not answer.
    #[error("MongoDB: {0}")]
    Mongo(#[from] mongodb::error::Error),
    /// Time is up.
    #[error("{view} has not reached {position} within {} ms", .waited.as_millis())]
    Behind {
        /// The view.
        view: &'static str,
        /// The first position it has not reached.
        position: Position,
        /// How long was waited.
        waited: Duration,
    },
}

impl Store {
    /// Waits until the serving generation of a view has folded all of
    /// `positions`.
    ///
    /// # Errors
    /// [`WaitError::Behind`] after `patience`.
    pub async fn wait_for(
        &self,
        view: &'static str,
        positions: &Positions,
        patience: Duration,
    ) -> Result<(), WaitError> {
        let start = Instant::now();
        let mut pause = Duration::ZERO;
        loop {
            let Some(position) = self.missing(view, positions).await? else {
                return Ok(());
            };
            let waited = start.elapsed();
            if waited >= patience {
                return Err(WaitError::Behind {
                    view,
                    position,
                    waited,
                });
            }
            let left = patience - waited;
            // A notice may be about another generation, or another log.
            let soonest = Instant::now() + pause.min(left);
            self.folded().reach(positions, left.min(LOOK)).await;
            tokio::time::sleep_until(soonest).await;
            pause = (pause * 2).clamp(SHORTEST, LOOK);
        }
    }

    async fn missing(
        &self,
        view: &'static str,
        positions: &Positions,
    ) -> Result<Option<Position>, mongodb::error::Error> {
        let generation = self.generations().active(view).await?;
        self.missing_of(view, generation, positions).await
    }

    /// The first of the positions that this generation has not reached.
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

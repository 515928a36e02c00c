//! How far the serving generation of a view is.

use eventlog::Positions;

use crate::Store;
use crate::checkpoint::Checkpoints;

impl Store {
    /// The last event of each partition that the serving generation of a view
    /// has folded; nothing of a partition of which it has none.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn reached(&self, view: &'static str) -> Result<Positions, mongodb::error::Error> {
        let generation = self.generations().active(view).await?;
        let checkpoints = Checkpoints::of(self, view, generation).all().await?;
        Ok(checkpoints.iter().map(|c| c.position()).collect())
    }
}

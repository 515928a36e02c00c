//! Positions that a generation has folded in the current log.

use eventlog::Positions;

use crate::runtime::checkpoint::Checkpoints;
use crate::runtime::store::Store;

impl Store {
    /// Returns the last event of each partition that a view's serving
    /// generation has folded. Partitions without any are left out.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn reached(&self, view: &'static str) -> Result<Positions, mongodb::error::Error> {
        let generation = self.generations().active(view).await?;
        self.reached_by(view, generation).await
    }

    /// Returns the same for any generation. Checkpoints of another log do not
    /// count: after a restore, their numbers belong to other events.
    pub(crate) async fn reached_by(
        &self,
        view: &'static str,
        generation: i32,
    ) -> Result<Positions, mongodb::error::Error> {
        let checkpoints = Checkpoints::of(self, view, generation);
        let (epoch, all) = tokio::try_join!(self.log_epoch(), checkpoints.all())?;
        let is_of_this_log = |of: &str| epoch.as_ref().is_none_or(|epoch| epoch == of);
        let here = all.iter().filter(|c| is_of_this_log(&c.epoch));
        Ok(here.map(|checkpoint| checkpoint.position()).collect())
    }
}

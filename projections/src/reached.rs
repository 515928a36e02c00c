//! How far a generation of a view is, in the log that there is now.

use eventlog::Positions;

use crate::Store;
use crate::checkpoint::Checkpoints;

impl Store {
    /// The last event of each partition that the serving generation of a view
    /// has folded; partitions without any are left out.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn reached(&self, view: &'static str) -> Result<Positions, mongodb::error::Error> {
        let generation = self.generations().active(view).await?;
        self.reached_by(view, generation).await
    }

    /// The same of this generation. A checkpoint in another log does not count:
    /// after a restore the numbers in it are those of other events.
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
